import ExamModel
import ExamStore
import ServerCore
import SyncProtocol

extension Evidence {
  /// Whether an entry came to stand on the server between an instant and the end. After a restore that took it back it
  /// comes anew, under the lease that its device has by then.
  private func wasNew(_ sequence: UInt64, of journal: ID128, since start: Int64, until end: Int64) -> Bool {
    let reachedAt = reachings(sequence, of: journal, until: end)
    guard !reachedAt.isEmpty else { return true }
    // A phone may have gone on from what a restore took afterwards.
    let instants = [end] + restores.map(\.at).filter { start < $0 && $0 <= end }.map { $0 - 1 }
    return instants.contains { instant in standing(at: instant, reachedAt).map { $0 >= start } ?? false }
  }

  /// Whether an entry came to the server once more after a restore that took it back: what became of it before says
  /// nothing of what becomes of it then.
  func cameAgain(_ sequence: UInt64, of journal: ID128) -> Bool {
    guard !restores.isEmpty else { return false }
    let reachedAt = reachings(sequence, of: journal, until: end)
    guard let first = reachedAt.first, let since = standing(at: end, reachedAt) else { return false }
    return first < since
  }

  /// When the server said that it has an entry, in order.
  private func reachings(_ sequence: UInt64, of journal: ID128, until end: Int64) -> [Int64] {
    history.compactMap { event in
      guard event.trueMilliseconds <= end, case .acknowledged(journal, let reached, _) = event.fact,
        reached >= sequence
      else { return nil }
      return event.trueMilliseconds
    }
  }

  /// Since when the server has had an entry that stands there at an instant; `nil` where it does not.
  private func standing(at instant: Int64, _ reachedAt: [Int64]) -> Int64? {
    let restore = restores.last { $0.at <= instant }
    if let restore, let since = standing(at: restore.from, reachedAt) { return since }
    return reachedAt.first { $0 > restore?.at ?? .min && $0 <= instant }
  }

  /// Whether the server went back to before a receipt that a phone shows, and says nothing of it any more, which is
  /// under its own signature. The response that brought it may be of before the restore and arrive after it.
  func wasTakenBack(_ event: HistoryEvent) -> Bool {
    var openedAt: [UInt64: Int64] = [:]
    var epoch: UInt64?
    for earlier in history where earlier.trueMilliseconds <= event.trueMilliseconds {
      switch earlier.fact {
      case .serverOpened(let opened): openedAt[opened] = earlier.trueMilliseconds
      case .scopeApplied(_, let read, _) where earlier.node == event.node: epoch = read
      default: break
      }
    }
    let toldAfter = epoch.flatMap { openedAt[$0] } ?? event.trueMilliseconds
    return restores.contains { $0.from <= event.trueMilliseconds && $0.at >= toldAfter }
  }

  /// Whether another device of the attempt saved this value for an item between two instants, or before and it reached
  /// the server in between: where a lease goes from device to device, the newest device's answer is the current one
  /// everywhere. A device that died while it saved may have saved it.
  func wasSaved(
    _ value: AnswerValue?, for item: String, of attempt: ID128, elsewhereThan node: SimNode, after start: Int64,
    until end: Int64
  ) -> Bool {
    history.contains { event in
      guard event.node != node, event.trueMilliseconds <= end else { return false }
      let saved: AnswerValue?
      switch event.fact {
      case .saved(let journal, let sequence, _, item, let value):
        guard self.attempt(ofJournal: journal, of: event.node) == attempt,
          event.trueMilliseconds >= start || wasNew(sequence, of: journal, since: start, until: end)
        else { return false }
        saved = value
      case .saveInterrupted(item, let value):
        guard event.trueMilliseconds >= start,
          truth.intents.contains(where: { $0.node == event.node && $0.attempt == attempt })
        else { return false }
        saved = value
      default: return false
      }
      return saved.flatMap { $0.isEmpty ? nil : $0 } == value
    }
  }

  /// The attempt of a phone's journal, also of one that neither side has any more: who uses the phone knows it.
  func attempt(ofJournal id: ID128, of node: SimNode) -> ID128? {
    attempt(ofJournal: id) ?? truth.intents.first { $0.node == node }?.attempt
  }

  /// Whether another device handed in, and a restore took its seal from the server: its receipt stands, so the paper
  /// stays handed in on this phone, while the server applies what this phone said since, and a person decides.
  func lostSealElsewhere(_ status: AttemptStatus, of attempt: ServerAttemptDump) -> Bool {
    guard !restores.isEmpty, case .sealed(let ordinal) = status.phase, status.seal == nil,
      status.receipt?.ordinal == ordinal
    else { return false }
    return !attempt.seals.contains { $0.ordinal >= ordinal }
  }

  func wasLostOnBothSides(_ node: SimNode) -> Bool { truth.wasLostOnBothSides(node, history) }
}

extension Truth {
  /// A phone lost entries, and then the server was restored from a backup from before that: what the phone had got back
  /// from the server stands in no journal any more, nobody can offer it again, and a seal that lists it waits for a
  /// person. The same goes for entries of another phone of the candidate which this one had gone on from; but those it
  /// says again, unless it had handed in before it heard of the restore.
  func wasLostOnBothSides(_ node: SimNode, _ history: [HistoryEvent]) -> Bool {
    let people = attempts.count
    let lost = losses.filter { loss in
      loss.node == node
        || loss.node.isPhone && people > 0 && Int(loss.node.number) % people == Int(node.number) % people
    }
    guard !lost.isEmpty else { return false }
    return history.contains { event in
      guard case .serverRestored(let from) = event.fact else { return false }
      let undone = lost.filter { from < $0.trueMilliseconds && $0.trueMilliseconds < event.trueMilliseconds }
      return undone.contains { $0.node == node }
        || !undone.isEmpty && hadHandedIn(node, before: event.trueMilliseconds, history)
    }
  }

  /// Whether a phone showed the paper as handed in before it read anything of a server that was restored at an instant.
  private func hadHandedIn(_ node: SimNode, before restored: Int64, _ history: [HistoryEvent]) -> Bool {
    var isHandedIn = false
    for event in history where event.node == node {
      switch event.fact {
      case .sealedShown: isHandedIn = true
      case .saved(_, _, _, let item, _) where item != nil: isHandedIn = false
      case .scopeApplied where event.trueMilliseconds > restored: return isHandedIn
      default: break
      }
    }
    return isHandedIn
  }
}
