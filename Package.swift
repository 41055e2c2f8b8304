// swift-tools-version: 6.2

import PackageDescription

/// Settings of every target but `SyncWire`, which holds generated code, and the C targets.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// Every module, from the ground up. Imports point down only; TidyTests hold it.
let package = Package(
  name: "ExamSync",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "ExamClient", targets: ["ExamClient"]),
    .library(name: "ExamLab", targets: ["ExamLab"]),
    .executable(name: "exam-client", targets: ["exam-client"]),
    .executable(name: "exam-server", targets: ["exam-server"]),
    .executable(name: "exam-lab", targets: ["exam-lab"]),
  ],
  traits: [
    .trait(name: "PlantedBugs", description: "Deliberate faults that the lab must catch. Never in a build for users.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CSQLite", path: "Sources/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CCurl", path: "Sources/CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CBaseline", dependencies: ["CSQLite"]),

    .target(name: "Planted", swiftSettings: strict),
    .target(name: "ExamModel", dependencies: ["Planted"], swiftSettings: strict),
    .target(name: "SyncProtocol", dependencies: ["ExamModel", "CZlib", crypto], swiftSettings: strict),
    .target(
      name: "SyncWire",
      dependencies: [
        "ExamModel", "SyncProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    .target(name: "SyncCore", dependencies: ["ExamModel", "SyncProtocol", "Planted"], swiftSettings: strict),
    .target(name: "SQLite", dependencies: ["CSQLite", "Planted"], swiftSettings: strict),
    .target(
      name: "ExamStore", dependencies: ["ExamModel", "SyncProtocol", "SyncWire", "SQLite", "Planted", crypto],
      swiftSettings: strict),
    .target(name: "CurlTransport", dependencies: ["CCurl"], swiftSettings: strict),
    .target(
      name: "ExamClient",
      dependencies: [
        "ExamModel", "SyncProtocol", "SyncWire", "SyncCore", "ExamStore", "CurlTransport", "Planted", crypto,
        cryptoExtras, logging,
      ], swiftSettings: strict),
    .target(name: "PaperImport", dependencies: ["ExamModel", crypto], swiftSettings: strict),
    .target(
      name: "ServerCore", dependencies: ["ExamModel", "SyncProtocol", "SyncWire", "Planted", crypto, cryptoExtras],
      swiftSettings: strict),
    .target(
      name: "ServerStoreSQLite", dependencies: ["ServerCore", "ExamModel", "SyncProtocol", "SQLite", "Planted"],
      swiftSettings: strict),
    .target(
      name: "ExamServer",
      dependencies: [
        "ExamModel", "SyncProtocol", "SyncWire", "SQLite", "ServerCore", "ServerStoreSQLite", "PaperImport", crypto,
        logging,
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ], swiftSettings: strict),
    .target(
      name: "ExamLab",
      dependencies: [
        "ExamModel", "SyncProtocol", "SyncWire", "SyncCore", "PaperImport", "CSQLite", "SQLite", "ExamStore",
        "CurlTransport", "ExamClient", "ServerCore", "ServerStoreSQLite", "CBaseline", "Planted", crypto,
      ], swiftSettings: strict),

    .executableTarget(
      name: "exam-client", dependencies: ["ExamClient", argumentParser, logging], swiftSettings: strict),
    .executableTarget(
      name: "exam-server", dependencies: ["ExamServer", argumentParser, logging], swiftSettings: strict),
    .executableTarget(
      name: "exam-lab", dependencies: ["ExamLab", "PaperImport", argumentParser], swiftSettings: strict),

    .testTarget(name: "ExamModelTests", dependencies: ["ExamModel"], swiftSettings: strict),
    .testTarget(
      name: "SyncProtocolTests", dependencies: ["ExamModel", "SyncProtocol", "SyncWire", crypto],
      swiftSettings: strict),
    .testTarget(name: "SyncCoreTests", dependencies: ["SyncCore", "SyncProtocol", "ExamModel"], swiftSettings: strict),
    .testTarget(name: "SQLiteTests", dependencies: ["SQLite", "CSQLite"], swiftSettings: strict),
    .testTarget(
      name: "ExamStoreTests",
      dependencies: ["ExamStore", "SQLite", "CSQLite", "ExamModel", "SyncProtocol", "SyncWire", crypto],
      swiftSettings: strict),
    .testTarget(name: "CurlTransportTests", dependencies: ["CurlTransport"], swiftSettings: strict),
    .testTarget(
      name: "PaperImportTests", dependencies: ["PaperImport", "ExamModel", "SyncProtocol", "SyncWire", crypto],
      swiftSettings: strict),
    .testTarget(
      name: "ServerCoreTests",
      dependencies: [
        "ServerCore", "ServerStoreSQLite", "ExamStore", "SQLite", "ExamModel", "SyncProtocol", "SyncWire", crypto,
      ], swiftSettings: strict),
    .testTarget(
      name: "ExamServerTests",
      dependencies: [
        "ExamServer", "ServerCore", "ExamClient", "ExamModel", "SyncProtocol", "SyncWire", "CurlTransport",
        "PaperImport", crypto, .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    .testTarget(
      name: "ExamClientTests",
      dependencies: [
        "ExamClient", "ExamStore", "SQLite", "ExamServer", "ServerCore", "ServerStoreSQLite", "PaperImport",
        "ExamModel", "SyncProtocol", "SyncWire",
      ], swiftSettings: strict),
    .testTarget(
      name: "ExamLabTests",
      dependencies: [
        "ExamLab", "ExamModel", "ExamStore", "PaperImport", "SQLite", "CSQLite", "SyncProtocol", "SyncWire", "SyncCore",
        "ServerCore", "ServerStoreSQLite", crypto,
      ], resources: [.copy("Plans")], swiftSettings: strict),
    .testTarget(name: "TidyTests", swiftSettings: strict),
  ]
)
