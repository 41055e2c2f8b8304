import ExamModel
import Foundation
import ServerCore
import ServerStoreSQLite
import Testing

/// The log that an end without warning left, written anew before a store is opened.
@Suite struct RenewedLogTests {
  private let folder: TestFolder
  private let path: String

  init() throws {
    folder = try TestFolder()
    path = folder.path("store.sqlite-wal")
  }

  private func attribute(_ key: FileAttributeKey) throws -> Int {
    try #require(FileManager.default.attributesOfItem(atPath: path)[key] as? NSNumber).intValue
  }

  @Test func theBytesAndTheRightsStayAndTheFileIsNew() throws {
    let bytes = Data((0..<3_000_001).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    try bytes.write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    // What an earlier start left half-written is in nobody's way.
    try Data(repeating: 7, count: 4_000_000).write(to: URL(fileURLWithPath: path + ".new"))
    let before = try attribute(.systemFileNumber)
    try RenewedLog.renew(path)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    #expect(try attribute(.posixPermissions) == 0o600)
    #expect(try attribute(.systemFileNumber) != before)
    #expect(!FileManager.default.fileExists(atPath: path + ".new"))
  }

  @Test func whereThereIsNoLogNothingIsMade() throws {
    try RenewedLog.renew(path)
    #expect(!FileManager.default.fileExists(atPath: path))
    try Data().write(to: URL(fileURLWithPath: path))
    try RenewedLog.renew(path)
    #expect(try attribute(.size) == 0)
  }

  @Test func aLogThatCannotBeReadIsSaidAndNothingIsChanged() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(throws: StoreError.self) { try RenewedLog.renew(path) }
    #expect(!FileManager.default.fileExists(atPath: path + ".new"))
  }

  /// The files as they are at an instant are what a killed process leaves.
  @Test func aKilledStoresCommitsAreThereAfterIt() throws {
    let store = try SQLiteServerStore(path: folder.path("live.sqlite"))
    try store.transaction { try store.save(joinTries: JoinTriesRow(candidate: .zero, windowStart: 5, tries: 2)) }
    for suffix in ["", "-wal"] {
      try FileManager.default.copyItem(
        atPath: folder.path("live.sqlite" + suffix), toPath: folder.path("store.sqlite" + suffix))
    }
    let killed = try SQLiteServerStore(path: folder.path("store.sqlite"))
    #expect(try killed.joinTries(.zero)?.tries == 2)
    try killed.close()
    try store.close()
  }
}
