import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import Testing

@testable import ExamLab

extension JudgedCase {
  /// Lets the server call an entry kept that it had let take effect.
  fileprivate mutating func keep(_ sequence: UInt64, of journal: ID128, as reason: KeptReason) {
    for attempt in world.servers[0].attempts.indices {
      for index in world.servers[0].attempts[attempt].journals.indices
      where world.servers[0].attempts[attempt].journals[index].row.id == journal {
        world.servers[0].attempts[attempt].journals[index].dispositions = [
          KeptRange(from: sequence, to: sequence, reason: reason)
        ]
      }
    }
  }

  /// Lets a journal come later to the server.
  fileprivate mutating func delay(_ journal: ID128, byMilliseconds delay: Int64) {
    for attempt in world.servers[0].attempts.indices {
      for index in world.servers[0].attempts[attempt].journals.indices
      where world.servers[0].attempts[attempt].journals[index].row.id == journal {
        for segment in world.servers[0].attempts[attempt].journals[index].segments.indices {
          world.servers[0].attempts[attempt].journals[index].segments[segment].receivedAt += delay
        }
      }
    }
  }

  /// Says in the audit trail that an operator gave every lease away, before anything came.
  fileprivate mutating func releaseAll() {
    for attempt in world.servers[0].attempts {
      world.servers[0].audit.append(
        AuditRow(
          index: 0, at: 0, actor: "", action: "attempt-release", subject: attempt.row.id.hex, detail: "", hash: .zero))
    }
  }
}

/// A server that keeps what should count, and the checkers that say so.
@Suite struct CheckerKeptTests {
  private static let judgedByTheLog = KeptReason.allCases.filter {
    ![.afterDeadline, .timeUndecided, .reopenInvalid].contains($0)
  }

  @Test(arguments: judgedByTheLog) func anAnswerKeptWithoutACauseIsFound(reason: KeptReason) throws {
    try finds(KeptForCause()) { broken in
      let save = try broken.save(of: "q3", on: 0)
      broken.keep(save.sequence, of: save.journal, as: reason)
    }
  }

  @Test func anAnswerThatCameInTimeAndIsUndecidedIsFound() throws {
    try finds(TimeClassesAreTrue()) { broken in
      let save = try broken.save(of: "q3", on: 0)
      broken.keep(save.sequence, of: save.journal, as: .timeUndecided)
      var late = broken
      late.delay(save.journal, byMilliseconds: 7_200_000)
      #expect(late.check(TimeClassesAreTrue()).violations.isEmpty, "what came after the deadline may be undecided")
    }
  }

  @Test func whatCountsUnderALeaseThatWasGivenAwayIsFound() throws {
    try finds(OneWriter()) { $0.releaseAll() }
    var released = try JudgedCase.good.get()
    released.releaseAll()
    let save = try released.save(of: "q3", on: 0)
    released.keep(save.sequence, of: save.journal, as: .staleLease)
    #expect(released.check(KeptForCause()).violations.isEmpty)
  }

  @Test func anEntryThatCountedAndIsCalledKeptLaterIsFound() throws {
    func calledKept(_ broken: inout JudgedCase) throws {
      let save = try broken.save(of: "q3", on: 0)
      broken.append(.server(0), .acknowledged(journal: save.journal, sequence: 1_000, head: .zero))
      broken.append(.server(0), .serverOpened(epoch: 7))
      broken.append(
        .server(0), .kept(journal: save.journal, from: save.sequence, to: save.sequence, reason: .staleLease))
    }
    try finds(StoredOnce(), calledKept)
    var restored = try JudgedCase.good.get()
    restored.append(.server(0), .serverRestored(fromTrueMilliseconds: 0))
    restored.append(.server(0), .serverOpened(epoch: 6))
    try calledKept(&restored)
    #expect(restored.check(StoredOnce()).violations.isEmpty)
    // What a server stored and died over, or what a store from before says, it does not tell when it acknowledges it.
    var diedOver = try JudgedCase.good.get()
    let save = try diedOver.save(of: "q3", on: 0)
    diedOver.append(.server(0), .serverOpened(epoch: 7))
    diedOver.append(.server(0), .acknowledged(journal: save.journal, sequence: 1_000, head: .zero))
    diedOver.append(.server(0), .acknowledged(journal: save.journal, sequence: 1_000, head: .zero))
    diedOver.append(.server(0), .kept(journal: save.journal, from: 999, to: 1_000, reason: .staleLease))
    #expect(diedOver.check(StoredOnce()).violations.isEmpty)
    // What comes after that it tells again.
    try finds(StoredOnce()) { broken in
      broken.append(.server(0), .serverOpened(epoch: 7))
      for sequence in [1_000, 1_001] as [UInt64] {
        broken.append(.server(0), .acknowledged(journal: save.journal, sequence: sequence, head: .zero))
      }
      broken.append(.server(0), .serverOpened(epoch: 8))
      broken.append(.server(0), .kept(journal: save.journal, from: 1_001, to: 1_001, reason: .staleLease))
    }
  }

  @Test func aStoreThatCannotBeReadIsFound() throws {
    try finds(SavedIsKept()) { $0.world.unreadable[.phone(0)] = "corrupt" }
  }

  @Test func aDeltaThatLeftSomethingOutIsFoundThoughItWasMended() throws {
    try finds(VersionsGrow()) { $0.world.digestMismatches = 1 }
  }
}
