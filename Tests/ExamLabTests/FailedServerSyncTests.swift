import ExamModel
import SQLite
import ServerCore
import ServerStoreSQLite
import Testing

@testable import ExamLab

/// A sync of the server's store failed, the server ended itself, and the power went while it started again.
@Suite struct FailedServerSyncTests {
  private static let committed = 0..<150

  private func open(_ disk: VirtualDisk, renewsLog: Bool) throws -> SQLiteServerStore {
    var options = ConnectionOptions.durable
    options.vfsName = disk.vfsName
    return try SQLiteServerStore(
      path: "server/exam.db", options: options, renewLog: renewsLog ? disk.renewLog : { _ in })
  }

  private func candidate(_ number: Int, _ name: String) -> CandidateRow {
    CandidateRow(
      id: ID128(high: 3, low: UInt64(number)), username: "u\(number)", number: "\(number)", name: name, specialty: "",
      room: "", isPhoneBound: true, password: nil, certificatesFrom: 0)
  }

  /// A store with committed candidates, and a commit over the same pages and new ones whose sync failed.
  private func failedStore(_ disk: VirtualDisk) throws {
    let store = try open(disk, renewsLog: true)
    let long = String(repeating: "x", count: 300)
    try store.transaction {
      for number in Self.committed { try store.save(candidate: candidate(number, "a")) }
    }
    // The log begins anew, and does not hold the pages of most of them any more.
    try store.connection.settleLog()
    try store.transaction { try store.save(candidate: candidate(0, "b")) }
    disk.faults.syncErrorsPerMillion = 1_000_000
    #expect(throws: (any Error).self) {
      try store.transaction {
        for number in 0..<600 { try store.save(candidate: candidate(number, long)) }
      }
    }
    disk.faults = DiskFaults()
    store.connection.abandonLog()
    disk.kill()
    withExtendedLifetime(store) {}
    disk.restart()
  }

  /// Cuts the power at each call of the opening after the failure.
  ///
  /// - Returns: how many cuts there were, and how many left a store that does not open or lacks what was committed.
  private func cutEachCall(seed: UInt64, renewsLog: Bool) throws -> (cuts: Int, losses: Int) {
    var (cuts, losses) = (0, 0)
    while true {
      let disk = VirtualDisk(seed: seed &+ UInt64(cuts))
      try failedStore(disk)
      disk.schedulePowerCut(atCall: disk.callCount + UInt64(cuts) + 1)
      let opened = try? open(disk, renewsLog: renewsLog)
      disk.schedulePowerCut(atCall: nil)
      guard disk.isDead else { return (cuts, losses) }
      withExtendedLifetime(opened) {}
      cuts += 1
      disk.restart()
      do {
        let store = try open(disk, renewsLog: renewsLog)
        let isWhole = try Self.committed.allSatisfy { try store.candidate(username: "u\($0)") != nil }
        if !isWhole { losses += 1 }
      } catch { losses += 1 }
    }
  }

  @Test func nothingIsLostWhereTheLogIsMadeDurableFirst() throws {
    for seed in [1, 2_000, 4_000] as [UInt64] {
      let result = try cutEachCall(seed: seed, renewsLog: true)
      #expect(result.cuts > 20)
      #expect(result.losses == 0)
    }
  }

  /// Otherwise the test above would show nothing.
  @Test func itIsLostWhereTheLogIsFoldedAsItIs() throws {
    let results = try ([1, 2_000, 4_000] as [UInt64]).map { try cutEachCall(seed: $0, renewsLog: false) }
    #expect(results.contains { $0.losses > 0 })
  }
}
