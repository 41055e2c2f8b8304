import ExamModel
import SyncProtocol

#if PlantedBugs
  import Planted
#endif

/// What the server says about journals, and what follows from it.
extension SyncCore {
  /// Takes what the store says. The server's word stays the one that was heard last.
  mutating func journalChanged(_ known: KnownJournal) {
    guard lifecycle != .stopped else { return }
    if let index = journalIndex(known.id) {
      journals[index].known.last = known.last
      journals[index].known.subject = known.subject
      journals[index].known.isLeft = known.isLeft
      journals[index].known.number = known.number
      journals[index].known.priority = known.priority
    } else {
      let place = journals.firstIndex { $0.id > known.id } ?? journals.endIndex
      journals.insert(JournalTrack(known: known), at: place)
    }
  }

  mutating func take(_ acknowledgement: Acknowledgement, of push: PushPlan, in request: RequestID) {
    guard let index = journalIndex(push.journal) else { return }
    journals[index].refusals = 0
    journals[index].answeredBy = request.number
    journals[index].lastVerdict = acknowledgement.verdict
    guard acknowledgement.verdict != .unknownJournal else { return unknownToServer(index, push) }
    if acknowledgement.verdict == .gap {
      sometimes(.gapAnswered)
      // Nothing comes before a first entry but what the journal goes on from: the server has lost that.
      if push.first == 1 { doubtServer() }
    }
    journals[index].owedSince = now
    effects.append(.storeAcknowledgement(journal: push.journal, acknowledgement))
  }

  /// The journal is offered from its first entry, once; then it waits for a person, and is offered now and then.
  private mutating func unknownToServer(_ index: Int, _ push: PushPlan) {
    let journal = journals[index]
    if push.first > 1, !journal.wasReoffered {
      sometimes(.unknownJournalReoffered)
      journals[index].wasReoffered = true
      wentBack(index, to: 0)
      return fail(\.pushLane)
    }
    sometimes(.unknownJournalHeld)
    if !journal.isUnknownNoticed { notice(.journalUnknown(journal.id)) }
    journals[index].isUnknownNoticed = true
    journals[index].wasReoffered = false
    journals[index].known.acknowledged = 0
    journals[index].heldUntil = now.advanced(byMilliseconds: SyncTuning.unknownJournalRetryMilliseconds)
  }

  mutating func acknowledged(_ id: ID128, _ result: AcknowledgementResult) {
    guard let index = journalIndex(id), journals[index].owedSince != nil, journals[index].phase == .following else {
      return sometimes(.unsolicitedResult)
    }
    journals[index].owedSince = nil
    var wasInDoubt = false
    if let doubtedAt = journals[index].doubtedAt, doubtedAt < journals[index].answeredBy {
      journals[index].doubtedAt = nil
      wasInDoubt = true
    }
    if journals[index].known.isLeft { return leftAcknowledged(index, result, wasInDoubt: wasInDoubt) }
    switch result {
    case .matched(let sequence, let priority):
      matched(index, sequence: sequence, priority: priority, wasInDoubt: wasInDoubt)
    case .headDiffers(let sequence):
      forkFound(index, firstDifferent: min(sequence, journals[index].known.last))
    case .beyondOwn: forkFound(index, firstDifferent: journals[index].known.last + 1)
    }
  }

  private mutating func matched(_ index: Int, sequence: UInt64, priority: EntryPriority, wasInDoubt: Bool) {
    // Nobody can have matched what is not there: such a word would call pending entries safe.
    let sequence = min(sequence, journals[index].known.last)
    let before = journals[index].known.acknowledged
    if journals[index].lastVerdict == .diverged {
      return contradicted(index, sequence: sequence, priority: priority)
    }
    journals[index].contradictions = 0
    journals[index].wasReoffered = false
    journals[index].isUnknownNoticed = false
    journals[index].known.priority = priority
    #if PlantedBugs
      if planted(.acknowledgementNeverLowers), sequence < before { return }
    #endif
    if sequence < before {
      wentBack(index, to: sequence)
      fail(\.pushLane)
    } else {
      journals[index].known.acknowledged = sequence
      #if PlantedBugs
        if planted(.pendingKeptAsFlag) { journals[index].known.acknowledged = journals[index].known.last }
      #endif
      if sequence > before || wasInDoubt { pushLane.succeeded() } else if journals[index].isPending { fail(\.pushLane) }
    }
    journals[index].known.greatestAcknowledged = max(journals[index].known.greatestAcknowledged, sequence)
    if sequence > 0 { successorAcknowledged(journals[index].id) }
  }

  /// The server holds a head of ours and yet found that our push does not follow from it. Once may be an old request;
  /// twice is a fork at that place.
  private mutating func contradicted(_ index: Int, sequence: UInt64, priority: EntryPriority) {
    sometimes(.contradictoryDivergence)
    journals[index].known.acknowledged = sequence
    journals[index].known.priority = priority
    journals[index].contradictions += 1
    guard journals[index].contradictions > 1 else { return fail(\.pushLane) }
    journals[index].contradictions = 0
    beginFork(index)
    beginOpening(index, at: sequence)
  }

  /// The server may have lost what it acknowledged.
  mutating func doubtServer() {
    sometimes(.serverDoubted)
    askWhatTheServerHas()
  }

  /// Every journal asks what the server has of it, and receipts are shown to it.
  mutating func askWhatTheServerHas() {
    presentsReceipts = true
    for index in journals.indices { journals[index].doubtedAt = lastRequest }
  }

  /// Below what was acknowledged before: the server was restored from a backup, say. It is refilled, and
  /// asked what else it lost.
  private mutating func wentBack(_ index: Int, to sequence: UInt64) {
    let journal = journals[index]
    sometimes(.serverWentBack)
    notice(.serverWentBack(journal: journal.id, from: journal.known.acknowledged, to: sequence))
    doubtServer()
    journals[index].doubtedAt = nil
    journals[index].known.acknowledged = sequence
  }

  /// The server goes its own way above the fork; below it both are the same. If not, the server was restored from a
  /// backup that ends below the fork, and another copy of the store wrote on there. Then nothing of the journal can
  /// ever follow from what the server has: it is settled, and offered again only to a server that may have gone back.
  private mutating func leftAcknowledged(_ index: Int, _ result: AcknowledgementResult, wasInDoubt: Bool) {
    let before = journals[index].known.acknowledged
    let last = journals[index].known.last
    var isReplaced = false
    switch result {
    case .matched(let sequence, _): journals[index].known.acknowledged = min(sequence, last)
    case .headDiffers(let sequence), .beyondOwn(let sequence):
      isReplaced = sequence <= last || journals[index].lastVerdict == .diverged
      journals[index].known.acknowledged = last
      if isReplaced, !journals[index].isReplaced {
        sometimes(.leftJournalReplaced)
        notice(.forked(journal: journals[index].id, at: sequence))
      }
    }
    journals[index].isReplaced = isReplaced
    if journals[index].known.acknowledged > before || wasInDoubt || isReplaced {
      pushLane.succeeded()
    } else {
      fail(\.pushLane)
    }
  }
}
