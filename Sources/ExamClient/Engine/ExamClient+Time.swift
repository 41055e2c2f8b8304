import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

/// The bell, the clock that is persisted, and the one wake.
extension ExamClient {
  /// How often the clock is persisted while the candidate only reads.
  static let clockPersistedEveryMilliseconds: UInt64 = 30_000

  /// After a suspend a bell that rang meanwhile rings this late at most, and earlier with whatever the app asks.
  static let longestSleepMilliseconds: Int64 = 5_000

  /// The instant of a save, with the time left that is persisted with it. A doubtful time is not persisted: what was
  /// certain before it stays the bound.
  func moment() -> SaveMoment {
    let now = reading()
    let time: TimeClass = bell.isDoubtful ? .undecided : (bell.remainingMilliseconds(at: now) == 0 ? .late : .inTime)
    return SaveMoment(
      DeviceInstant(now), time: time, remainingMilliseconds: bell.persistableMilliseconds(at: now))
  }

  /// Takes what is known of the deadline and of server time now.
  func updateBell() {
    updateSections()
    takeDeadline()
    if bell.isToBePersisted { persistClock() }
  }

  private func takeDeadline() {
    guard let store, let attempt, let status = try? store.outline(of: attempt), status.phase != .notStarted,
      let terms = try? store.terms(attempt), let window = terms.window
    else { return }
    let now = reading()
    bell.grant(total: terms.grantedMilliseconds)
    let server = serverTime.bounds(atBootMilliseconds: now.bootMilliseconds)
    guard let started = startedAt(status, at: now) else {
      // The start has no place in server time: the exam's own end is the only deadline that is known for sure.
      let end = window.deadline(started: nil)
      if window.durationMilliseconds == nil || server.map({ $0.earliest >= end }) ?? false {
        bell.update(deadline: end, server: server, at: now)
      }
      return
    }
    bell.update(deadline: window.deadline(started: started), server: server, at: now)
  }

  /// Server milliseconds of the start; from this boot's clock where the start had no contact yet.
  private func startedAt(_ status: AttemptOutline, at now: ClockReading) -> Int64? {
    if let known = status.startedAt { return known.midpoint }
    guard let boot = status.startedBootMilliseconds, status.startedBootID == now.bootID else { return nil }
    return serverTime.bounds(atBootMilliseconds: boot)?.midpoint
  }

  var timeLeft: TimeLeft? {
    bell.remainingMilliseconds(at: reading()).map { TimeLeft(milliseconds: $0, isDoubtful: bell.isDoubtful) }
  }

  /// What every entry point of the engine does first: calls of the app, wakes, answers of the network. A suspended
  /// process cannot act, so a bell that rang meanwhile rings here, before anything is answered after it.
  func ringWhatIsDue() {
    sealIfBellRang()
    leaveSectionsThatEnded()
    persistClockIfDue()
  }

  /// Hands in when time is up, before anything else happens: also on a device that was opened after the bell.
  func sealIfBellRang() {
    guard !isSealing, bell.hasRung(at: reading()), let store, let attempt else { return }
    isSealing = true
    defer { isSealing = false }
    saveDraftsAtBell()
    do throws(ExamStoreError) {
      switch try store.phase(of: attempt) {
      case .answering, .locked:
        let moment = SaveMoment(instant(), remainingMilliseconds: 0)
        let outcome = try store.seal(attempt, cause: .bell, at: moment)
        emit(.handedInByBell)
        scheduleNudge(.journal(outcome.saved.journal))
      case .notStarted, .sealed: break
      }
    } catch {
      logFault("the paper could not be handed in at the bell; it is tried again", "\(error)")
    }
  }

  /// What was being typed when the bell rang counts, if the bell rang just now: what is saved later than the grace
  /// would be in the sheet that is handed in here, and not in what the server applies.
  private func saveDraftsAtBell() {
    guard let rang = bell.ringsAtBootMilliseconds,
      Int64(clamping: reading().bootMilliseconds) <= rang + TimeRules.graceMilliseconds
    else { return drafts.removeAll() }
    guard let store, let attempt else { return }
    for draft in drafts {
      let moment = SaveMoment(instant(), remainingMilliseconds: 0)
      do throws(ExamStoreError) {
        _ = try store.save(draft.value, for: draft.item, section: draft.section, in: attempt, at: moment)
      } catch {
        logFault("what was typed at the bell was not saved", "\(error.code)")
      }
    }
    drafts.removeAll()
  }

  /// Persists the time left, so that a reboot cannot raise it. It runs on in a lock, and after the paper was handed in:
  /// an unlock or a reopening goes on with what is left then.
  func persistClock() {
    persistSections()
    guard let store, let attempt, !bell.isDoubtful, let phase = try? store.phase(of: attempt), phase != .notStarted,
      let remaining = bell.remainingMilliseconds(at: reading())
    else { return }
    clockPersistedAt = reading().bootMilliseconds
    do {
      let note = bell.hasGrantsToNote ? ExamStore.noteOfGrants(bell.grantedMilliseconds, to: attempt) : nil
      try store.persistClock(remainingMilliseconds: remaining, of: attempt, at: instant(), noting: note)
      bell.notePersisted()
    } catch {
      logFault("the clock was not persisted", "\(error)")
    }
  }

  /// In a suspend nothing is persisted. What was persisted before it is minutes too much by now, and is replaced before
  /// the time left is shown again: else a reboot would show those minutes once more.
  private func persistClockIfDue() {
    let now = reading().bootMilliseconds
    guard attempt != nil, now >= clockPersistedAt + Self.clockPersistedEveryMilliseconds else { return }
    clockPersistedAt = now
    persistClock()
  }

  // MARK: - The wake

  /// Arms the one wake for the earliest thing that is due.
  func armWake() {
    guard store != nil else { return }
    let now = Int64(clamping: reading().bootMilliseconds)
    var due: [Int64] = waiters.values.compactMap(\.deadline)
    if let coreWakeAt { due.append(coreWakeAt.milliseconds) }
    if let retry = downloads.wakeAt { due.append(retry) }
    if let again = recordRetry.dueAt { due.append(Int64(clamping: again)) }
    if attempt != nil {
      if let bell = bell.ringsAtBootMilliseconds, bell > now { due.append(bell) }
      due += sectionClocks.map(\.certainEnd).filter { $0 > now } + drafts.map(\.dueAt)
      due.append(Int64(clamping: clockPersistedAt + Self.clockPersistedEveryMilliseconds))
    }
    guard let earliest = due.min() else { return executor.setWake(afterMilliseconds: nil) {} }
    // The thread's timer stops in suspend and the boot clock does not: so it is looked at now and then.
    let longest = attempt == nil ? .max : Self.longestSleepMilliseconds
    executor.setWake(afterMilliseconds: max(1, min(earliest - now, longest))) { [weak self] in
      Task { await self?.wake() }
    }
  }

  private func wake() {
    guard let store else { return }
    // Nobody may touch a phone that has handed in, and its receipt has to be stored all the same.
    if store.storageFailure != nil { _ = try? openStore() }
    ringWhatIsDue()
    saveDrafts(due: true)
    if recordRetry.isDue(atBoot: reading().bootMilliseconds) { takeRecords(collections: []) }
    let now = reading().bootMilliseconds
    if let due = coreWakeAt, due.milliseconds <= Int64(clamping: now) {
      coreWakeAt = nil
      step(.wake)
    }
    pumpDownloads()
    changed()
    armWake()
  }
}
