import ExamModel
import ExamStore
import SyncCore
import Testing

@testable import ExamLab

/// What a failed write or sync leaves in the log, when the store is opened again before the power goes.
@Suite struct FailedSyncTests {
  private func phone(_ decisions: Decisions = Decisions(seed: 1)) throws -> (PowerCutPhone, ExamStore) {
    let disk = VirtualDisk(decisions: decisions, node: 1)
    let phone = PowerCutPhone(disk: disk, seed: 1)
    let store = try phone.open()
    while let step = PowerCutPhone.nextPreparation(store) { _ = try phone.perform(step, on: store) }
    _ = try phone.perform(.answer(item: "q1", .options(["A"])), on: store)
    return (phone, store)
  }

  /// The cache shows a page for clean that never reached the platter. What is saved behind it must not go with it.
  @Test(arguments: [false, true])
  func saveAfterAFailedSyncAndAKillSurvivesAPowerCut(isReopenedInPlace: Bool) throws {
    let (phone, store) = try phone()
    phone.disk.faults.lastingSyncErrorsPerMillion = 1_000_000
    #expect(throws: ExamStoreError.self) {
      _ = try phone.perform(.answer(item: "q2", .options(["B"])), on: store)
    }
    phone.disk.faults = DiskFaults()
    if isReopenedInPlace {
      try store.reopen(at: phone.moment().instant)
      _ = try phone.perform(.answer(item: "q3", .options(["C"])), on: store)
    } else {
      phone.disk.restart()
      let next = try phone.open()
      _ = try phone.perform(.answer(item: "q3", .options(["C"])), on: next)
    }
    phone.disk.powerCut()
    phone.disk.restart()
    let last = try phone.open()
    #expect(last.report.quarantine == nil)
    let answers = try last.status(of: PowerCutPhone.attempt).answers
    #expect(answers.first { $0.item == "q3" }?.value == .options(["C"]))
    #expect(answers.first { $0.item == "q1" }?.value == .options(["A"]))
  }

  /// A transaction that failed may be found to have happened, at the next opening. It may not be missing there and
  /// come back after a power cut, out of a log whose removal was not durable.
  @Test func transactionThatFailedDoesNotComeBackLater() throws {
    var failed = 0
    for place in UInt32(0)..<14 {
      // Fails after every byte was written, and everything unsynced is dropped.
      let dropped = (UInt32(0)..<200).map { Decision(DecisionLabel(.unsynced, node: 1, index: $0), 1) }
      let plan = [Decision(DecisionLabel(.diskError, node: 1, index: place), 9)] + dropped
      let (phone, store) = try phone(Decisions(seed: 1, plan: plan))
      for step in [PowerCutStep.seal, .receipt] { _ = try phone.perform(step, on: store) }
      phone.disk.faults.writeErrorsPerMillion = 1
      if (try? phone.perform(.acknowledge, on: store)) == nil { failed += 1 }
      phone.disk.faults = DiskFaults()
      try store.reopen(at: phone.moment().instant)
      let shown = try store.journalStatuses(of: PowerCutPhone.attempt).map(\.acknowledged.sequence)
      store.close()
      phone.disk.powerCut()
      phone.disk.restart()
      let last = try phone.open()
      let found = try last.journalStatuses(of: PowerCutPhone.attempt).map(\.acknowledged.sequence)
      #expect(found == shown, "the write at \(place) failed")
    }
    #expect(failed > 0)
  }
}
