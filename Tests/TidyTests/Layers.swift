/// The layers, as data: what each module may import. Imports point down only.
enum Layers {
  /// Foundation and what belongs to it.
  private static let foundation: Set<String> = ["Foundation", "FoundationEssentials"]
  /// The C library, by the names that platforms give it.
  private static let platform: Set<String> = ["Glibc", "Musl", "Darwin"]
  private static let crypto: Set<String> = ["Crypto", "CryptoExtras"]

  static let allowedImports: [String: Set<String>] = [
    "CSQLite": [], "CCurl": [], "CZlib": [], "CBaseline": [], "Planted": [],
    "ExamModel": ["Planted"],
    "SyncProtocol": ["ExamModel", "CZlib", "Crypto"],
    "SyncWire": foundation.union(["ExamModel", "SyncProtocol", "SwiftProtobuf"]),
    "SyncCore": ["ExamModel", "SyncProtocol", "Planted"],
    "SQLite": ["CSQLite", "Synchronization", "Planted"],
    "ExamStore": platform.union(["ExamModel", "SyncProtocol", "SyncWire", "SQLite", "Crypto", "Planted"]),
    "CurlTransport": platform.union(["CCurl", "Synchronization"]),
    "ExamClient": foundation.union(platform).union(crypto).union([
      "ExamModel", "SyncProtocol", "SyncWire", "SyncCore", "ExamStore", "CurlTransport", "Logging", "Synchronization",
      "Dispatch", "Planted",
    ]),
    "PaperImport": platform.union(["ExamModel", "Crypto"]),
    "ServerCore": foundation.union(crypto).union([
      "ExamModel", "SyncProtocol", "SyncWire", "Synchronization", "Planted",
    ]),
    "ServerStoreSQLite": platform.union(["ServerCore", "ExamModel", "SyncProtocol", "SQLite", "Planted"]),
    "ExamServer": foundation.union(platform).union(crypto).union(serverNetworking).union([
      "ExamModel", "SyncProtocol", "SyncWire", "SQLite", "ServerCore", "ServerStoreSQLite", "PaperImport", "Logging",
      "Synchronization", "Dispatch", "CDispatch",
    ]),
    "ExamLab": foundation.union(platform).union(crypto).union([
      "ExamModel", "SyncProtocol", "SyncWire", "SyncCore", "PaperImport", "SQLite", "CSQLite", "ExamStore",
      "ExamClient",
      "ServerCore", "ServerStoreSQLite", "CurlTransport", "CBaseline", "Synchronization", "Dispatch", "Planted",
    ]),
    "exam-client": foundation.union(platform).union([
      "ExamClient", "ArgumentParser", "Logging", "Dispatch", "Synchronization",
    ]),
    "exam-server": foundation.union(["ExamServer", "ArgumentParser", "Logging", "Dispatch"]),
    "exam-lab": foundation.union(["ExamLab", "PaperImport", "ArgumentParser"]),
  ]

  /// Only `ExamServer` imports these, and only its tests may beside it.
  static let serverNetworking: Set<String> = [
    "NIOCore", "NIOPosix", "NIOHTTP1", "NIOConcurrencyHelpers", "Hummingbird", "HummingbirdCore", "HTTPTypes",
    "NIOHTTPTypes", "ServiceLifecycle",
  ]

  static func isServerNetworking(_ module: String) -> Bool {
    module.hasPrefix("NIO") || module.hasPrefix("Hummingbird") || module.hasPrefix("HTTPTypes")
      || module == "ServiceLifecycle"
  }

  /// What a module must not even name, because it decides, and somebody else waits, looks at clocks and draws.
  static let forbiddenWords: [String: Set<String>] = [
    "ExamModel": waiting.union(clocks),
    "SyncProtocol": waiting.union(clocks),
    "SyncCore": waiting.union(clocks).union(["SystemRandomNumberGenerator"]),
    "SQLite": waiting,
    "ExamStore": waiting.union(clocks),
    "ServerCore": waiting.union(clocks).union(["URLSession", "HTTPRequest"]),
    "ServerStoreSQLite": waiting.union(clocks),
    "PaperImport": waiting.union(clocks),
  ]
  private static let waiting: Set<String> = ["async", "await", "Task", "DispatchQueue"]
  private static let clocks: Set<String> = [
    "Date", "ContinuousClock", "SuspendingClock", "clock_gettime", "gettimeofday", "DispatchTime",
  ]

  /// Modules whose every public type and function is documented.
  static let documented: Set<String> = ["ExamModel", "SyncProtocol", "SyncCore", "ExamClient"]

  /// Files that may be longer than 400 lines, with the reason.
  static let longFiles: [String: String] = [:]
}
