import ExamModel
import SyncProtocol

/// Two copies of one store exist, or one went back in time: find the last common entry, and go on in a successor.
extension SyncCore {
  /// - Parameter firstDifferent: from here on, nothing of ours is the server's.
  mutating func forkFound(_ index: Int, firstDifferent: UInt64) {
    beginFork(index)
    let bracket = JournalTrack.Bracket(lastCommon: 0, firstDifferent: max(firstDifferent, 1))
    if bracket.firstDifferent == 1 {
      beginOpening(index, at: 0)
    } else {
      journals[index].phase = .searching(bracket)
    }
  }

  mutating func beginFork(_ index: Int) {
    sometimes(.forkFound)
    forkCount += 1
    effects.append(.suspendJournal(journals[index].id))
  }

  mutating func beginOpening(_ index: Int, at sequence: UInt64) {
    journals[index].phase = .opening(at: sequence)
    notice(.forked(journal: journals[index].id, at: sequence))
  }

  mutating func headsCompared(_ id: ID128, lastCommon: UInt64, firstDifferent: UInt64?) {
    guard let index = journalIndex(id), journals[index].owedSince != nil,
      case .searching(let bracket) = journals[index].phase
    else { return sometimes(.unsolicitedResult) }
    journals[index].owedSince = nil
    if lastCommon < bracket.lastCommon {
      sometimes(.searchBegunAnew)
      searchAnew(index)
      return fail(\.pushLane)
    }
    // Words outside the bracket cannot be: the bracket is known.
    let top = min(bracket.firstDifferent - 1, bracket.serverSequence)
    let common = min(lastCommon, max(top, bracket.lastCommon))
    let different = firstDifferent.flatMap { $0 > common && $0 < bracket.firstDifferent ? $0 : nil }
    if let different, different == common + 1 { return beginOpening(index, at: common) }
    if different == nil, common >= top {
      return bracket.serverSequence <= common
        ? withdrawFork(index, acknowledged: common) : beginOpening(index, at: common)
    }
    let narrower = JournalTrack.Bracket(
      lastCommon: common, firstDifferent: different ?? top + 1, serverSequence: bracket.serverSequence,
      isNarrowing: true)
    sometimes(.forkNarrowed)
    if narrower == bracket { fail(\.pushLane) }
    journals[index].phase = .searching(narrower)
  }

  /// The server's whole journal is the beginning of ours: it was the server that went back, or an old word came late.
  private mutating func withdrawFork(_ index: Int, acknowledged: UInt64) {
    sometimes(.forkWithdrawn)
    journals[index].phase = .following
    let agreed = min(acknowledged, journals[index].known.last)
    journals[index].known.acknowledged = agreed
    journals[index].known.greatestAcknowledged = max(journals[index].known.greatestAcknowledged, agreed)
    effects.append(.resumeJournal(journals[index].id))
    fail(\.pushLane)
  }

  /// What was common when it was asked may not be any more: the server may have gone back meanwhile.
  mutating func searchAnew(_ index: Int) {
    guard journals[index].phase != .following else { return }
    journals[index].phase = .searching(
      JournalTrack.Bracket(lastCommon: 0, firstDifferent: journals[index].known.last + 1))
  }

  /// Asks for the successors that are due.
  mutating func openSuccessors() {
    let window = now.advanced(byMilliseconds: -SyncTuning.successorWindowMilliseconds)
    successors.removeAll { $0.openedAt <= window }
    for index in journals.indices {
      guard case .opening(let sequence) = journals[index].phase, journals[index].owedSince == nil else { continue }
      let journal = journals[index]
      let recent = successors.filter { $0.subject == journal.known.subject }
      if recent.count >= Limits.successorsPerHour, let oldest = recent.map(\.openedAt).min() {
        stopSubject(
          of: index, until: oldest.advanced(byMilliseconds: SyncTuning.successorWindowMilliseconds + 1))
        continue
      }
      if journal.isResumed { effects.append(.suspendJournal(journal.id)) }
      journals[index].isResumed = false
      journals[index].owedSince = now
      effects.append(.openSuccessor(of: journal.id, at: sequence))
    }
  }

  private mutating func stopSubject(of index: Int, until: Instant) {
    sometimes(.successorLimitReached)
    let subject = journals[index].known.subject
    if !journals[index].isResumed {
      journals[index].isResumed = true
      effects.append(.resumeJournal(journals[index].id))
      notice(.successorLimitReached(subject: subject))
    }
    searchAnew(index)
    for other in journals.indices where journals[other].known.subject == subject {
      journals[other].heldUntil = max(journals[other].heldUntil, until)
    }
  }

  mutating func successorOpened(_ predecessor: ID128, fork: UInt64, successor: KnownJournal) {
    guard lifecycle != .stopped else { return }
    guard let index = journalIndex(predecessor), case .opening = journals[index].phase else {
      // Committed all the same: a journal that the store has is a journal to push.
      sometimes(.unsolicitedResult)
      return journalChanged(successor)
    }
    sometimes(.successorOpened)
    journals[index].owedSince = nil
    journals[index].phase = .following
    journals[index].known.isLeft = true
    journals[index].known.last = fork
    journals[index].known.acknowledged = fork
    successors.append(RecentSuccessor(subject: journals[index].known.subject, openedAt: now))
    journalChanged(successor)
    awaitedAnswers.append(AwaitedAnswers(successor: successor.id))
  }

  /// The server has the successor's beginning, and with it published the answers: read them now.
  mutating func successorAcknowledged(_ id: ID128) {
    guard let index = awaitedAnswers.firstIndex(where: { $0.successor == id && !$0.isAcknowledged }) else { return }
    awaitedAnswers[index].isAcknowledged = true
    for scope in scopes.indices { scopes[scope].isCurrent = false }
    pollLane.retryAtOnce(at: now)
  }

  mutating func finishAwaitedAnswers() {
    guard awaitedAnswers.contains(where: \.isAcknowledged),
      scopes.allSatisfy({ $0.isCurrent && $0.owedSince == nil })
    else { return }
    for awaited in awaitedAnswers where awaited.isAcknowledged {
      effects.append(.serverAnswersFetched(successor: awaited.successor))
    }
    awaitedAnswers.removeAll(where: \.isAcknowledged)
  }
}
