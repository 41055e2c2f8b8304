import ExamModel
import ExamStore
import ServerCore
import ServerStoreSQLite
import SyncCore
import SyncProtocol

/// Whether everything that was going on has come to its end, and what has not.
struct Settlement {
  let world: SimWorld

  struct Problem {
    var node: SimNode
    var text: String
  }

  func problems() -> [Problem] {
    guard let store = world.server.store, world.server.isReachable else {
      return [Problem(node: world.server.node, text: "the server does not run")]
    }
    var problems: [Problem] = []
    for phone in world.phones where phone.isInUse {
      func report(_ text: String) { problems.append(Problem(node: phone.node, text: text)) }
      guard let own = phone.store, let core = phone.core, !phone.isSuspended else {
        report("the phone does not run")
        continue
      }
      if own.storageFailure != nil { report("its store stays broken") }
      let status = core.status()
      if status.pendingCount > 0 { report("\(status.pendingCount) entries are pending, sync is \(status.phase)") }
      if !status.awaitingServerAnswers.isEmpty { report("the server's answers do not come") }
      if status.isServerInDoubt { report("the server has not said yet what it has") }
      if !status.isUpToDate { report("scopes are not read to their end") }
      for scope in phone.wantedScopes() {
        // What it waits for may have been lost with the server that was asked.
        if scope.cursor.epoch != world.server.epochs.last { report("scope \(scope.scope) is of before a restart") }
        let there = try? store.scope(scope.scope)
        let here = try? own.checkpoint(of: scope.scope)
        if there?.version != scope.cursor.version || there?.digest != here?.digest || there?.count != here?.count {
          report("scope \(scope.scope) differs")
        }
      }
      attempts(of: phone, own, report)
    }
    return problems
  }

  private func attempts(of phone: SimPhone, _ store: ExamStore, _ report: (String) -> Void) {
    guard let attempt = phone.attempt, let status = try? store.outline(of: attempt) else { return }
    let isOver = world.kernel.now > world.closesAt + (world.lastGrants[attempt] ?? 0) + 30_000
    switch status.phase {
    case .notStarted: break
    case .answering, .locked:
      if isOver, !phone.isLeaseElsewhere { report("the bell did not hand in attempt \(attempt)") }
    case .sealed(let ordinal):
      let isOthers = phone.isLeaseElsewhere || phone.isSuperseded
      if status.receipt == nil, !isOthers, !world.truth.wasLostOnBothSides(phone.node, world.history.events),
        !namesLostEntries(status.seal), !namesLostEntries(standingSeal(ordinal, of: attempt)),
        !mayBeReceipted(ordinal, of: attempt, inAnotherCopyOf: phone)
      {
        report("seal \(ordinal) of attempt \(attempt) has no receipt")
      }
    }
  }

  /// The seal that stands on the server, which may be another device's.
  private func standingSeal(_ ordinal: UInt32, of attempt: ID128) -> SealStatement? {
    (try? world.server.store?.seal(attempt: attempt, ordinal: ordinal))?.parsed
  }

  /// Whether the server has a receipt which may be of a seal that a phone does not hold any more.
  private func mayBeReceipted(_ ordinal: UInt32, of attempt: ID128, inAnotherCopyOf phone: SimPhone) -> Bool {
    world.truth.losses.contains { $0.node == phone.node }
      && ((try? world.server.store?.receipt(attempt: attempt, ordinal: ordinal)) ?? nil) != nil
  }

  private func namesLostEntries(_ seal: SealStatement?) -> Bool {
    LostEntries(world.history.events, world.truth).isNamed(by: seal) { journal in
      let onPhones = world.phones.compactMap { try? $0.store?.journalStatus(journal).last }
      let onServer = (try? world.server.store?.journal(journal)?.sequence) ?? 0
      return max(onPhones.max() ?? 0, onServer)
    }
  }
}
