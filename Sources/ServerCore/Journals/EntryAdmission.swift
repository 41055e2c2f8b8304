import ExamModel
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// Where an entry stands.
struct EntryPlace {
  var journal: JournalMemory
  var sequence: UInt64
  var lease: UInt32
  var receivedAt: Int64
  /// The chain head before the entry.
  var headBefore: Digest256
  /// The entries that came together with it.
  var contexts: ContextsAhead?
}

/// Decides what becomes of single entries, and lets them take effect in memory.
extension ServerCore {
  /// The verdict of a new entry, which is applied at once if that is what it is.
  func judge(_ body: [UInt8], at place: EntryPlace, exam: ExamEntry) -> EntryVerdict {
    let memory = place.journal.attempt
    let decoded = try? Entry(wire: body)
    if let decoded { follow(decoded, at: place) }
    guard let entry = decoded else { return .kept(.unreadable) }
    if memory.row.record.isVoided { return .kept(.terminated) }
    var (holdsLease, isSuperseded) = (
      place.lease == memory.row.record.lease && memory.row.record.leaseDevice == place.journal.row.device,
      place.journal.row.supersededFrom.map { $0 <= place.sequence } ?? false
    )
    #if PlantedBugs
      if planted(.staleLeaseApplied) { holdsLease = true }
      if planted(.leaseHeldUntilTaken), memory.row.record.leaseDevice == nil { holdsLease = true }
      if planted(.supersededEntriesApplied) { isSuperseded = false }
    #endif
    guard holdsLease else { return .kept(.staleLease) }
    if isSuperseded { return .kept(.superseded) }
    var section: String?
    switch entry.kind {
    case .answer(let item, let value):
      var isAccepted = exam.accepts(value, for: item, section: &section)
      #if PlantedBugs
        if planted(.answerCalledInvalid), case .number = value { isAccepted = false }
      #endif
      guard isAccepted else { return .kept(.answerInvalid) }
    case .clear(let item), .flag(let item, _):
      guard exam.knows(item, section: &section) else { return .kept(.answerInvalid) }
    case .seal(let signed):
      guard isPlausible(signed, of: memory) else { return .kept(.sealInvalid) }
    case .reopened(let ordinal):
      guard memory.reopens.contains(ordinal) else { return .kept(.reopenInvalid) }
    default:
      break
    }
    let deadline =
      isStart(entry.kind)
      ? memory.window(exam.row.record).deadline(started: nil) + pendingMilliseconds(of: memory.row)
      : deadline(of: memory, exam.row.record)
    var time = place.journal.clock.classify(deadline: deadline, receivedAt: place.receivedAt)
    if time == .undecided, !isStart(entry.kind), isInTimeByLaterContext(place, deadline: deadline) { time = .inTime }
    #if PlantedBugs
      if planted(.lateCountsAsInTime) { time = .inTime }
      if planted(.judgedByArrival) {
        time = TimeRules.classify(earliest: place.receivedAt, latest: place.receivedAt, deadline: deadline)
      }
    #endif
    if isOverriddenBySeal(entry.kind, at: place) { return .kept(.afterSeal) }
    return admit(
      entry.kind, time: time, section: section, unlockIsValid: isValidUnlock(entry.kind, of: memory), at: place)
  }

  /// Whether the answers that were sealed are the applied ones already, so that an answer which the seal lists would
  /// change them: before a restore it had no effect, under another lease or below another answer, and the candidate
  /// handed in without it.
  private func isOverriddenBySeal(_ kind: EntryKind, at place: EntryPlace) -> Bool {
    switch kind {
    case .answer, .clear: break
    default: return false
    }
    let memory = place.journal.attempt
    guard isCoveredBySeal(place), let sealed = memory.sealStatement?.answers else { return false }
    return sealed == Hash.sha256(memory.sheet.canonicalBytes)
  }

  /// Applies an entry to the attempt in memory if the state allows it. Replaying takes the same way.
  func admit(
    _ kind: EntryKind, time: TimeClass, section: String?, unlockIsValid: Bool, at place: EntryPlace
  ) -> EntryVerdict {
    let memory = place.journal.attempt
    let policy = exams[memory.row.exam]?.row.record.policy ?? AttemptPolicy()
    memory.state.skipLostSeals(before: kind)
    let before = EntryPeek.isSeal(kind) ? memory.state : nil
    var verdict = memory.state.admit(
      kind, time: time, policy: policy, section: section, unlockIsValid: unlockIsValid)
    if verdict == .kept(.afterSeal), !EntryPeek.isSeal(kind), isCoveredBySeal(place),
      var earlier = memory.stateBeforeSeal
    {
      verdict = earlier.admit(kind, time: time, policy: policy, section: section, unlockIsValid: unlockIsValid)
      memory.stateBeforeSeal = earlier
      _ = earlier.admit(
        .seal(SignedStatement(statement: [], signature: [])), time: .inTime, policy: policy)
      memory.state = earlier
    }
    if verdict == .applied { takeEffect(kind, stateBefore: before, at: place) }
    return verdict
  }

  private func takeEffect(_ kind: EntryKind, stateBefore: AttemptState?, at place: EntryPlace) {
    let memory = place.journal.attempt
    switch kind {
    case .answer(let item, let value): set(item, value, at: place)
    case .clear(let item): set(item, .options([]), at: place)
    case .start(let start):
      guard memory.startedAt == nil else { break }
      // Nothing was done after it arrived, whatever the device's bounds say.
      memory.startedAt = min(place.journal.clock.bounds?.midpoint ?? place.receivedAt, place.receivedAt)
      memory.startCode = start.code
    case .lock(let fact):
      // A device that takes over says a lock once more, and does not know its cause.
      if memory.lockCauses[fact.number] == nil { memory.lockCauses[fact.number] = fact.cause }
    case .seal(let signed):
      memory.stateBeforeSeal = stateBefore
      memory.sealStatement = try? SealStatement(wire: signed.statement)
    case .reopened:
      memory.waiting = nil
      memory.stateBeforeSeal = nil
      memory.sealStatement = nil
    default:
      break
    }
  }

  private func set(_ item: String, _ value: AnswerValue, at place: EntryPlace) {
    let journal = place.journal.row
    place.journal.attempt.setAnswer(
      item,
      CurrentAnswer(
        value: value, lease: place.lease, ordinal: journal.ordinal, sequence: place.sequence, journal: journal.id,
        receivedAt: place.receivedAt))
  }

  /// Whether the newest seal lists the place: such an entry counts though it arrives after the seal (I12).
  func isCoveredBySeal(_ place: EntryPlace) -> Bool {
    guard place.journal.attempt.state.isSealed, let statement = place.journal.attempt.sealStatement else {
      return false
    }
    return statement.journals.contains { $0.journal == place.journal.row.id && place.sequence <= $0.sequence }
  }

  private func isStart(_ kind: EntryKind) -> Bool {
    if case .start = kind { return true }
    return false
  }

  private func isPlausible(_ signed: SignedStatement, of memory: AttemptMemory) -> Bool {
    guard let statement = try? SealStatement(wire: signed.statement), signed.signature.count == 64 else {
      return false
    }
    guard statement.attempt == memory.id else { return false }
    let last = memory.state.sealOrdinal
    // A second seal under the same ordinal is judged by the state: it comes after the seal.
    if memory.state.isSealed { return statement.ordinal == last }
    return statement.ordinal > last && statement.ordinal - last <= Limits.sealsAhead
  }

  /// The proof of an unlock; that it names the lock which holds the attempt is the state's to judge.
  ///
  /// The MAC alone proves that this server made the unlock. Its record is not asked for: a store that went back to a
  /// copy from before the unlock has lost it, and what was answered after it must count all the same.
  private func isValidUnlock(_ kind: EntryKind, of memory: AttemptMemory) -> Bool {
    guard case .unlock(let fact) = kind else { return true }
    switch fact.proof {
    case .code(let code):
      return code == MessageAuthentication.unlockCode(secret: unlockSecret, attempt: memory.id, number: fact.number)
    case .server(let nonce, let mac):
      guard let given = MAC(mac),
        let expected = MAC(
          MessageAuthentication.unlock(secret: unlockSecret, attempt: memory.id, number: fact.number, nonce: nonce))
      else { return false }
      return given.isEqualInConstantTime(to: expected)
    }
  }
}
