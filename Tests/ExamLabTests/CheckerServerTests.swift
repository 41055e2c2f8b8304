import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamLab

/// Checkers of what a server holds and says.
@Suite struct CheckerServerTests {
  @Test func anEntryInTwoSegmentsIsFound() throws {
    try finds(StoredOnce()) { broken in
      let again = broken.world.servers[0].attempts[0].journals[0].segments[0]
      broken.world.servers[0].attempts[0].journals[0].segments.append(again)
    }
  }

  @Test func anAcknowledgementThatGoesBackInOneEpochIsFound() throws {
    func goesBack(_ broken: inout JudgedCase) throws {
      let journal = broken.world.phones[0].journals[0].status.id
      broken.append(.server(0), .acknowledged(journal: journal, sequence: 1, head: .zero))
    }
    try finds(StoredOnce(), goesBack)
    var restarted = try JudgedCase.good.get()
    restarted.append(.server(0), .serverOpened(epoch: 7))
    try goesBack(&restarted)
    #expect(restarted.check(StoredOnce()).violations.isEmpty)
  }

  @Test func anotherVerdictForTheSameEntryIsFound() throws {
    try finds(StoredOnce()) { broken in
      let journal = broken.world.phones[0].journals[0].status.id
      broken.append(.server(0), .kept(journal: journal, from: 3, to: 5, reason: .afterSeal))
      broken.append(.server(0), .kept(journal: journal, from: 5, to: 6, reason: .afterDeadline))
    }
  }

  @Test func aSegmentThatIsMissingIsFound() throws {
    try finds(NoGap()) { $0.world.servers[0].attempts[1].journals[0].segments.removeFirst() }
  }

  @Test func aSegmentWithOtherBytesIsFound() throws {
    try finds(NoGap()) { broken in
      let last = broken.world.servers[0].attempts[1].journals[0].segments[0].bytes.count - 1
      broken.world.servers[0].attempts[1].journals[0].segments[0].bytes[last] ^= 1
    }
  }

  @Test func twoVersionsOfOneSequenceAreFound() throws {
    try finds(OneBody()) { broken in
      let save = try broken.save(of: "q3", on: 0)
      broken.rewrite(phone: 0, sequence: save.sequence, as: .answer(item: "q3", value: .options(["a"])))
    }
  }

  @Test func anAcknowledgedEntryThatIsGoneIsFound() throws {
    try finds(AcknowledgedIsKept()) { $0.world.servers[0].attempts[0].journals[0].segments.removeLast() }
  }

  @Test func anAcknowledgementOfOtherBytesIsFound() throws {
    try finds(AcknowledgedIsKept()) { broken in
      let journal = broken.world.phones[0].journals[0].status.id
      broken.append(.server(0), .acknowledged(journal: journal, sequence: 2, head: .zero))
    }
  }

  @Test func aRestoreLeavesItToThePhoneAndNothingElseDoes() throws {
    var restored = try JudgedCase.good.get()
    let end = restored.history[restored.history.count - 1].trueMilliseconds
    restored.append(.server(0), .serverRestored(fromTrueMilliseconds: 0))
    restored.world.servers[0].attempts[0].journals[0].segments.removeLast()
    #expect(restored.check(AcknowledgedIsKept()).violations.isEmpty)
    restored.world.phones[0].journals[0].entries.removeLast(5)
    #expect(!restored.check(AcknowledgedIsKept()).violations.isEmpty)
    restored.world.truth.losses = [DeviceLoss(end, .phone(0), .wiped)]
    #expect(restored.check(AcknowledgedIsKept()).violations.isEmpty)
  }

  @Test func aRestoreLeavesItToNobodyWhereThePhoneThatWroteItIsGone() throws {
    var gone = try JudgedCase.good.get()
    let journal = gone.world.phones[0].journals[0].status.id
    let acknowledged = try gone.index {
      if case .acknowledged(journal, _, _) = $0.fact { true } else { false }
    }
    let instant = gone.history[acknowledged].trueMilliseconds
    gone.append(.server(0), .serverRestored(fromTrueMilliseconds: 0))
    gone.world.servers[0].attempts[0].journals[0].segments = []
    gone.world.phones.remove(at: 0)
    #expect(!gone.check(AcknowledgedIsKept()).violations.isEmpty)
    // Its last push was under way when it was lost: that was acknowledged afterwards.
    gone.world.truth.losses = [DeviceLoss(instant - 1, .phone(0), .wiped)]
    #expect(gone.check(AcknowledgedIsKept()).violations.isEmpty)
    gone.world.truth.losses = [DeviceLoss(gone.history[gone.history.count - 1].trueMilliseconds, .phone(1), .wiped)]
    #expect(!gone.check(AcknowledgedIsKept()).violations.isEmpty)
  }

  @Test func entriesThatWereDiscardedAndAreNowhereAreFound() throws {
    try finds(AcknowledgedIsKept()) { broken in
      let journal = broken.world.phones[0].journals[0].status.id
      broken.append(.phone(0), .entriesDiscarded(journal: journal, through: 999))
    }
  }

  @Test func anEntryAppliedAfterTheSealIsFound() throws {
    try finds(SealedIsSealed()) { broken in
      var journal = broken.world.servers[0].attempts[0].journals[0]
      var late = try #require(journal.segments.last)
      late.id += 1_000
      late.first = late.last + 1
      let body = Entry(kind: .answer(item: "q1", value: .options(["b"]))).wire
      late.bytes = []
      late.bytes.appendLengthPrefixed(body)
      late.count = 1
      journal.segments.append(late)
      broken.world.servers[0].attempts[0].journals[0] = journal
      let sequence = late.first
      var kept = broken
      kept.world.servers[0].attempts[0].journals[0].dispositions.append(
        KeptRange(from: sequence, to: sequence, reason: .afterSeal))
      #expect(kept.check(SealedIsSealed()).violations.isEmpty)
    }
  }

  @Test func aSealThatWasChangedIsFound() throws {
    try finds(SealedIsSealed()) { $0.world.servers[0].attempts[0].seals[0].statement[5] ^= 1 }
    try finds(SealedIsSealed()) { $0.world.servers[0].attempts[0].seals[0].signature[5] ^= 1 }
  }

  @Test func aReceiptThatDoesNotVerifyIsFound() throws {
    try finds(ReceiptsAreTrue()) { broken in
      var receipt = try Receipt(wire: broken.world.servers[0].attempts[0].receipts[0].receipt)
      receipt.statement[receipt.statement.count - 1] ^= 1
      broken.world.servers[0].attempts[0].receipts[0].receipt = receipt.wire
    }
  }

  @Test func aReceiptForAnotherSheetThanTheServersIsFound() throws {
    try finds(ReceiptsAreTrue()) { broken in
      // The receipt verifies; the entry that it rests on was kept.
      let save = try broken.save(of: "q1", on: 0)
      broken.world.servers[0].attempts[0].journals[0].dispositions = [
        KeptRange(from: save.sequence, to: save.sequence, reason: .afterDeadline)
      ]
    }
  }

  @Test func aReceiptThatARestoredServerHonouredIsJudgedByItsOwnSeal() throws {
    // The seal that counts stands elsewhere than the one that the receipt was made for.
    func parts(_ broken: inout JudgedCase) throws { broken.world.servers[0].attempts[0].seals[0].sequence -= 1 }
    try finds(ReceiptsAreTrue(), parts)
    var restored = try JudgedCase.good.get()
    try parts(&restored)
    restored.append(.server(0), .serverRestored(fromTrueMilliseconds: 0))
    #expect(!restored.check(ReceiptsAreTrue()).violations.isEmpty, "nobody presented it")
    let attempt = restored.world.truth.attempts[0].id
    restored.world.servers[0].audit.append(
      AuditRow(
        index: 999, at: 0, actor: "candidate", action: "receipt-honoured", subject: attempt.hex, detail: "",
        hash: .zero))
    #expect(restored.check(ReceiptsAreTrue()).violations.isEmpty)

    var statement = try ReceiptStatement(
      wire: Receipt(wire: restored.world.servers[0].attempts[0].receipts[0].receipt).statement)
    statement.answers = .zero
    restored.world.servers[0].attempts[0].receipts[0].receipt = try CheckerRoom.receipt(of: statement)
    let violations = restored.check(ReceiptsAreTrue()).violations
    #expect(violations.contains { $0.what.contains("its own seal") })
  }

  @Test func aRootThatLeavesOneOutIsFound() throws {
    try finds(ReceiptsAreTrue()) { $0.world.servers[0].roots.removeFirst() }
  }

  @Test func anotherReceiptOnThePhoneIsFound() throws {
    try finds(ReceiptsAreTrue()) { broken in
      broken.world.phones[0].attempts[0].receipts[0] = broken.world.phones[1].attempts[0].receipts[0] + [0]
    }
  }

  @Test func twoReceiptsForOneSealAreFound() throws {
    try finds(ReceiptsAreTrue()) { broken in
      let attempt = broken.world.truth.attempts[0].id
      broken.append(.server(0), .receiptRead(attempt: attempt, ordinal: 1, wire: .zero))
    }
  }

  @Test func aSecondWriterUnderOneLeaseIsFound() throws {
    try finds(OneWriter()) { broken in
      var journal = broken.world.servers[0].attempts[0].journals[0]
      var row = journal.row
      row.id = ID128(high: 9, low: 9)
      row.device = ID128(high: 8, low: 8)
      row.ordinal = 2
      journal.row = row
      broken.world.servers[0].attempts[0].journals.append(journal)
    }
  }

  @Test func anEntryOfAnOldLeaseThatWasAppliedIsFound() throws {
    try finds(OneWriter()) { broken in
      let segments = broken.world.servers[0].attempts[0].journals[0].segments
      try #require(segments.count >= 2)
      broken.world.servers[0].attempts[0].journals[0].segments[0].lease = 2
    }
  }

  @Test func aLockThatIsGoneIsFound() throws {
    try finds(LocksOnlyGrow()) { $0.world.servers[0].attempts[0].applied.locks = [] }
    try finds(LocksOnlyGrow()) { $0.world.phones[0].statuses[0].locks = LockLedger() }
    try finds(LocksOnlyGrow()) { $0.append(.phone(1), .lockedShown(number: 4)) }
  }

  @Test func aVoidThatIsGoneIsFound() throws {
    try finds(LocksOnlyGrow()) { $0.world.servers[0].attempts[0].applied.voids = [1] }
  }

  @Test func aJournalOfAnotherCandidatesDeviceIsFound() throws {
    try finds(JournalsHaveOwners()) { broken in
      let other = try #require(broken.world.phones[1].deviceKey)
      broken.world.servers[0].attempts[0].journals[0].row.device = other
    }
  }

  @Test func anAuditRecordThatWasChangedIsFound() throws {
    try finds(AuditIsWhole()) { $0.world.servers[0].audit[2].detail += "!" }
    try finds(AuditIsWhole()) { $0.world.servers[0].audit.remove(at: 3) }
  }

  @Test func anEventWithoutAnAuditRecordIsFound() throws {
    try finds(AuditIsWhole()) { broken in
      let epoch = try #require(broken.world.servers[0].epochs.last)
      broken.world.servers[0].epochs.append(EpochRow(ordinal: epoch.ordinal + 1, epoch: 5, openedAt: 0))
    }
    try finds(AuditIsWhole()) { $0.world.servers[0].attempts[0].row.record.isVoided = true }
  }
}
