import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// A device whose lease comes after its first entries: found by the simulator with two devices and a late release.
@Suite struct LeaseTakeOverTests: TwoDevices {
  @Test func deviceThatJoinedBeforeItsLeaseGoesOnFromTheServersAnswers() throws {
    let (first, second) = try begun()
    try second.push()
    try release(first)
    #expect(try takeOver(second) == nil)
    #expect(try second.store.answerSheet(of: second.attempt)["q1"] == .options(["a"]))
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    #expect(seal.statement.answerCount == 1)
    try second.push()
    let receipt = try #require(try first.receipts().first).verified(publicKey: TestServer.identity.publicKey).receipt
    #expect(receipt.applied == receipt.answers)
    #expect(receipt.answers == seal.statement.answers)
  }

  @Test func answersUnderAnotherLeaseCountOnceTheLeaseIsTheDevices() throws {
    let (first, second) = try begun()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    let kept = try second.push()
    #expect(kept.contains { $0.reason == .staleLease })
    #expect(try first.exported().answers.map(\.item) == ["q1"])
    try release(first)
    #expect(try takeOver(second) != nil)
    try second.push()
    let sheet = try second.store.answerSheet(of: second.attempt)
    #expect(sheet["q1"] == .options(["a"]))
    #expect(sheet["q2"] == .options(["b"]))
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    #expect(try takeOver(second) == nil)
  }

  /// Nothing of the first device's is there: the start that counts is the second's.
  @Test func startUnderAnotherLeaseCountsOnceTheLeaseIsTheDevices() throws {
    let (first, second) = try startedByTheSecondAlone()
    _ = try second.store.save(.options(["b"]), for: "q1", in: second.attempt, at: second.moment())
    try second.push()
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q1"])
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1"])
    #expect(try takeOver(second) == nil)
  }

  /// It cannot be said again when time is up, and without it nothing could be handed in.
  @Test func startUnderAnotherLeaseStaysWhenTimeIsUp() throws {
    let (first, second) = try startedByTheSecondAlone()
    #expect(try second.push().contains { $0.reason == .staleLease })
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    var late = second.moment()
    late.time = .late
    #expect(try second.store.takeOver(second.attempt, at: late) == nil)
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try second.store.seal(second.attempt, cause: .bell, at: late).statement.ordinal == 1)
  }

  /// Found by the simulator: a seal on its way while the lease was released never got a receipt.
  @Test func sealUnderAReleasedLeaseGetsItsReceiptOnceTheLeaseComesBack() throws {
    let (first, second) = try begun()
    try release(first)
    _ = try takeOver(second)
    try second.push()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    try release(first)
    #expect(try second.push().contains { $0.reason == .staleLease })
    #expect(try first.receipts().isEmpty)
    #expect(try takeOver(second) != nil)
    #expect(try second.push().isEmpty)
    let receipt = try #require(try first.receipts().first)
    let statement = try receipt.verified(publicKey: TestServer.identity.publicKey).receipt
    #expect(statement.answers == seal.statement.answers)
    #expect(statement.applied == statement.answers)
    try second.store.storeReceipt(receipt.wire)
    let status = try second.store.status(of: second.attempt)
    #expect(status.receipt?.ordinal == 1)
    #expect(try takeOver(second) == nil)
    try second.store.reopen(at: second.moment().instant)
    #expect(try second.store.status(of: second.attempt).receipt == status.receipt)
  }

  /// Found by the simulator: a server that was restored from before counted the first seal of several, and the device,
  /// which had made it anew, refused the receipt.
  @Test func receiptOfTheSameSealAsItWasMadeFirstIsGood() throws {
    let (first, second) = try begun()
    try release(first)
    _ = try takeOver(second)
    try second.push()
    let seal = try second.store.seal(second.attempt, cause: .candidate, at: second.moment())
    let original = try second.store.journalStatus(seal.saved.journal)
    try release(first)
    #expect(try second.push().contains { $0.reason == .staleLease })
    #expect(try takeOver(second) != nil)
    func receipt(_ sequence: UInt64, _ head: Digest256) -> [UInt8] {
      let statement = ReceiptStatement(
        attempt: second.attempt, ordinal: 1, journal: original.id, sequence: sequence, head: head,
        answers: seal.statement.answers, answerCount: seal.statement.answerCount, serverTime: 1_800_000_100_000,
        number: "R-1", applied: seal.statement.answers, appliedCount: seal.statement.answerCount
      ).wire
      let root = RootStatement(
        node: ID128(high: 1, low: 1), epoch: 7, index: 0, previous: .zero, root: MerkleTree.leaf(statement), time: 1)
      let signature = TestServer.identity.sign(root.wire, context: .root)
      return Receipt(
        statement: statement, leafIndex: 0, leafCount: 1, path: [], root: root.wire, signature: signature,
        keyID: TestServer.identity.id
      ).wire
    }
    let before = try #require(try second.store.heads(of: original.id, at: [original.last - 1])[original.last - 1])
    for wire in [receipt(original.last, .zero), receipt(original.last - 1, before)] {
      #expect(throws: ExamStoreError.self) { try second.store.storeReceipt(wire) }
    }
    try second.store.storeReceipt(receipt(original.last, original.head))
    #expect(try second.store.status(of: second.attempt).receipt?.sequence == original.last)
  }

  /// Found by the simulator: the form was kept under the other lease, and until the start nothing was taken over; the
  /// start then came too late for it, and the paper was handed in without the first device's answers.
  @Test func formUnderAnotherLeaseHidesNoAnswersBeforeTheStart() throws {
    let (first, second) = try joined(seed: 7) { first in
      first.begin()
      first.answer("q1", "a")
    }
    _ = try second.store.storeInformation([], in: second.attempt, at: second.moment())
    #expect(try second.push().contains { $0.reason == .staleLease })
    try release(first)
    #expect(try takeOver(second)?.answers.isEmpty == true)
    #expect(try second.store.answerSheet(of: second.attempt)["q1"] == .options(["a"]))
    #expect(try second.push().isEmpty)
    #expect(try takeOver(second) == nil)
  }

  /// Found by the simulator: the start was said again, the answer before it was still on its way, and vanished from the
  /// screen and from the seal.
  @Test func answerOnItsWayIsSaidAgainAfterTheStart() throws {
    let (first, second) = try startedByTheSecondAlone()
    try second.push()
    _ = try second.store.save(.options(["b"]), for: "q1", in: second.attempt, at: second.moment())
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q1"])
    #expect(try second.store.answerSheet(of: second.attempt)["q1"] == .options(["b"]))
    try second.push()
    #expect(try first.exported().answers.map(\.item) == ["q1"])
    try second.read()
    #expect(try takeOver(second) == nil)
  }

  @Test func deviceWithoutTheLeaseTakesNothingOver() throws {
    let (_, second) = try begun()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    try second.push()
    let before = try second.store.status(of: second.attempt).sequence
    #expect(try takeOver(second) == nil)
    #expect(try second.store.status(of: second.attempt).sequence == before)
    #expect(try second.store.answerSheet(of: second.attempt)["q1"] == nil)
  }

  /// Found by the simulator: the lock was said again after its unlock, and held the attempt on the server for good.
  @Test func lockUnderAnotherLeaseIsSaidAgainBeforeItsUnlock() throws {
    let (first, second) = try begun()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    _ = try second.store.lock(.call, in: second.attempt, at: second.moment())
    try second.push()
    try release(first)
    // While it is locked the lock alone is said.
    #expect(try takeOver(second)?.answers.isEmpty == true)
    try second.push()
    #expect(try takeOver(second) == nil)
    try unlock(second, of: first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
  }

  /// Found by the simulator: a device that was locked said its lock again and stopped there; nothing more came before
  /// the bell, and the other device's answers were not in what was handed in. When time is up the lock is not said
  /// again, and they are in it all the same.
  @Test(arguments: [TimeClass.inTime, .late])
  func lockedDeviceGoesOnFromTheServersAnswersToo(time: TimeClass) throws {
    let (first, second) = try begun()
    _ = try second.store.lock(.call, in: second.attempt, at: second.moment())
    try second.push()
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    var moment = second.moment()
    moment.time = time
    #expect(try second.store.takeOver(second.attempt, at: moment)?.answers.isEmpty == (time == .late ? nil : true))
    #expect(try second.store.phase(of: second.attempt) == .locked(1))
    let seal = try second.store.seal(second.attempt, cause: .bell, at: second.moment())
    #expect(seal.statement.answerCount == 1)
    #expect(try second.push().isEmpty)
    let receipt = try #require(try first.receipts().first).verified(publicKey: TestServer.identity.publicKey).receipt
    #expect(receipt.applied == seal.statement.answers)
  }

  /// Found by the simulator: below a later lock that held, the unlock of an earlier one was said again for nothing; the
  /// server stayed locked when the device went on.
  @Test func unlockBelowALaterLockIsSaidAgainAfterThatOnesUnlock() throws {
    let (first, second) = try begun()
    _ = try second.store.lock(.call, in: second.attempt, at: second.moment())
    try second.push()
    try unlock(second, of: first)
    try second.push()
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    _ = try second.store.lock(.call, in: second.attempt, at: second.moment())
    #expect(try takeOver(second) != nil)
    #expect(try second.push().isEmpty)
    #expect(try first.board().lockedBy == 2)
    try unlock(second, of: first, number: 2)
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    #expect(try second.push().map(\.reason) == [.whileLocked])
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    #expect(try second.push().isEmpty)
    #expect(try first.board().lockedBy == nil)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    #expect(try takeOver(second) == nil)
  }

  /// Found by the simulator: what the server was told of the lock came after the unlock was journalled.
  @Test func unlockThatOpenedNothingIsSaidAgainWithItsLock() throws {
    let (first, second) = try begun()
    _ = try second.store.lock(.call, in: second.attempt, at: second.moment())
    try second.push()
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    try unlock(second, of: first)
    #expect(try second.push().map(\.reason).contains(.unlockInvalid))
    #expect(try takeOver(second) != nil)
    try second.push()
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
  }

  /// The second device has the lease, the first one's lock, and q2, which is on its way.
  ///
  /// - Parameter before: what the first device answered to q2, and the second one replaces.
  private func lockedElsewhere(before: String? = nil) throws -> (first: TestPhone, second: StorePhone) {
    let (first, second) = try begun()
    if let before { first.answer("q2", before) }
    first.append(.lock(LockFact(number: 1, cause: .call)))
    try first.send(from: 5)
    try release(first)
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    _ = try takeOver(second)
    return (first, second)
  }

  /// Found by the simulator: an answer on its way when another device's lock was taken over vanished from the screen.
  @Test func answerOnItsWayOutlivesTheLockOfAnotherDevice() throws {
    let (first, second) = try lockedElsewhere()
    #expect(try second.store.phase(of: second.attempt) == .locked(1))
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
    try second.push()
    try second.read()
    try unlock(second, of: first)
    _ = try takeOver(second)
    try second.push()
    #expect(try second.store.answerSheet(of: second.attempt)["q1"] == .options(["a"]))
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
  }

  /// Found by the simulator: the server's record, gone on from once it named such an answer's entry and while the other
  /// device's lock held, took the answer from the screen for good.
  @Test func answerThatAnothersLockKeptIsSaidAgainAfterItsUnlock() throws {
    let (first, second) = try lockedElsewhere()
    #expect(try second.push().map(\.reason) == [.whileLocked])
    // The record is made anew. It names news of the first device, of which nothing counts, and q2's entry.
    first.answer("q3", "c")
    try first.send(from: 6)
    try release(first)
    #expect(try takeOver(second) == nil)
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options(["b"]))
    try unlock(second, of: first)
    #expect(try takeOver(second)?.answers.map(\.item) == ["q2"])
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    #expect(try takeOver(second) == nil)
  }

  /// The first device opens its lock itself, under a lease that came back to it.
  @Test(arguments: [nil, "a"], [nil, "c"])
  func answerThatAnothersLockKeptIsSaidAgainAfterThatOnesUnlock(answerSince: String?, before: String?) throws {
    let (first, second) = try lockedElsewhere(before: before)
    #expect(try second.push().map(\.reason) == [.whileLocked])
    try release(first)
    first.lease = 3
    let code = try first.server.unlockCode(of: first.attempt, number: 1)
    first.append(.unlock(UnlockFact(number: 1, proof: .code(code))))
    if let answerSince { first.answer("q2", answerSince) }
    #expect(try first.send(from: before == nil ? 6 : 7).kept.isEmpty)
    try release(first)
    #expect(try takeOver(second)?.answers.map(\.item) == (answerSince == nil ? ["q2"] : nil))
    #expect(try second.store.phase(of: second.attempt) == .answering)
    #expect(try second.push().isEmpty)
    #expect(try first.exported().answers.map(\.item) == ["q1", "q2"])
    #expect(try second.store.answerSheet(of: second.attempt)["q2"] == .options([answerSince ?? "b"]))
    #expect(try takeOver(second) == nil)
  }

  /// Found by the simulator: a new device went on after a reopening before the lease was its own, and no later seal of
  /// it was one that the server expected. Also where time was up, or it had handed in, before the lease came.
  @Test(arguments: [TimeClass.inTime, .late], [true, false])
  func reopeningUnderAnotherLeaseIsSaidAgain(time: TimeClass, sealsFirst: Bool) throws {
    let (first, second) = try reopenedBeforeTheSecondJoins(seed: 8)
    _ = try second.store.reopen(sealOrdinal: 1, of: second.attempt, at: second.moment())
    _ = try second.store.save(.options(["b"]), for: "q2", in: second.attempt, at: second.moment())
    func seal() throws -> SealOutcome {
      try second.store.seal(second.attempt, cause: .bell, at: second.moment())
    }
    if sealsFirst { _ = try seal() }
    #expect(try second.push().contains { $0.reason == .staleLease })
    try release(first)
    try second.read()
    _ = try second.store.renewLease(of: second.attempt, at: second.moment())
    var moment = second.moment()
    moment.time = time
    #expect(try second.store.takeOver(second.attempt, at: moment) != nil)
    #expect(try second.store.takeOver(second.attempt, at: moment) == nil)
    if !sealsFirst { _ = try seal() }
    #expect(try second.push().isEmpty)
    let receipts = try first.receipts().map { try $0.verified(publicKey: TestServer.identity.publicKey).receipt }
    #expect(receipts.map(\.ordinal) == [1, 2])
    let isComplete = receipts.last.map { $0.applied == $0.answers } ?? false
    #expect(isComplete == (sealsFirst || time == .inTime))
  }

  private func unlock(_ phone: StorePhone, of first: TestPhone, number: UInt32 = 1) throws {
    try first.server.command(.unlock(attempt: first.attempt, number: number))
    try phone.read()
    for record in try phone.store.waitingUnlocks(of: phone.attempt) {
      _ = try phone.store.unlock(record, at: phone.moment())
    }
  }
}
