import ExamClient
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

/// The bell, the clock that is persisted, and the one wake, as in `ExamClient+Time`.
extension SimPhone {
  static let clockPersistedEveryMilliseconds: UInt64 = 30_000
  private static let contradictionIntervalMilliseconds: UInt64 = 60_000

  func moment() -> SaveMoment {
    let now = reading()
    let time: TimeClass = bell.isDoubtful ? .undecided : (bell.remainingMilliseconds(at: now) == 0 ? .late : .inTime)
    return SaveMoment(instant(), time: time, remainingMilliseconds: bell.persistableMilliseconds(at: now))
  }

  func updateBell() {
    takeDeadline()
    if bell.isToBePersisted { persistClock() }
  }

  private func takeDeadline() {
    guard let store, let attempt, (try? store.phase(of: attempt)) != .notStarted,
      let status = try? store.outline(of: attempt), let terms = try? store.terms(attempt), let window = terms.window
    else { return }
    let now = reading()
    bell.grant(total: terms.grantedMilliseconds)
    let server = serverTime.bounds(atBootMilliseconds: now.bootMilliseconds)
    guard let started = startedAt(status, at: now) else {
      let end = window.deadline(started: nil)
      if window.durationMilliseconds == nil || server.map({ $0.earliest >= end }) ?? false {
        bell.update(deadline: end, server: server, at: now)
      }
      return
    }
    bell.update(deadline: window.deadline(started: started), server: server, at: now)
  }

  private func startedAt(_ status: AttemptOutline, at now: ClockReading) -> Int64? {
    if let known = status.startedAt { return known.midpoint }
    guard let boot = status.startedBootMilliseconds, status.startedBootID == now.bootID else { return nil }
    return serverTime.bounds(atBootMilliseconds: boot)?.midpoint
  }

  func sealIfBellRang() {
    guard !isSealing, bell.hasRung(at: reading()), let store, let attempt else { return }
    isSealing = true
    defer { isSealing = false }
    do {
      switch try store.phase(of: attempt) {
      case .answering, .locked:
        let moment = SaveMoment(instant(), remainingMilliseconds: 0)
        let outcome = try store.seal(attempt, cause: .bell, at: moment)
        noteSeal(outcome, store)
        nudge()
      case .notStarted, .sealed: break
      }
    } catch {
      // It is tried again; of a process that died nobody knows how far it came.
      if disk.isDead { world.note(node, .saveInterrupted(item: nil, value: nil)) }
    }
  }

  func persistClock() {
    guard let store, let attempt, !bell.isDoubtful, let phase = try? store.phase(of: attempt), phase != .notStarted,
      let remaining = bell.remainingMilliseconds(at: reading())
    else { return }
    clockPersistedAt = reading().bootMilliseconds
    do {
      let note = bell.hasGrantsToNote ? ExamStore.noteOfGrants(bell.grantedMilliseconds, to: attempt) : nil
      try store.persistClock(remainingMilliseconds: remaining, of: attempt, at: instant(), noting: note)
      bell.notePersisted()
    } catch {
      // It is tried again.
    }
  }

  /// In a suspend nothing is persisted. What was persisted before it is minutes too much by now, and is replaced before
  /// the time left is shown again: else a reboot would show those minutes once more.
  func persistClockIfDue() {
    let now = reading().bootMilliseconds
    guard attempt != nil, now >= clockPersistedAt + Self.clockPersistedEveryMilliseconds else { return }
    clockPersistedAt = now
    persistClock()
  }

  func armWake() {
    guard store != nil else { return }
    let now = Int64(clamping: reading().bootMilliseconds)
    var earliest = Int64.max
    if let coreWakeAt { earliest = min(earliest, coreWakeAt.milliseconds) }
    if let retry = downloads?.wakeAt { earliest = min(earliest, retry) }
    if let again = recordRetry.dueAt { earliest = min(earliest, Int64(clamping: again)) }
    if attempt != nil {
      if let bell = bell.ringsAtBootMilliseconds, bell > now { earliest = min(earliest, bell) }
      earliest = min(earliest, Int64(clamping: clockPersistedAt + Self.clockPersistedEveryMilliseconds))
    }
    if earliest != .max { arm(atBoot: earliest) }
  }

  func wake() {
    guard let store else { return }
    if store.storageFailure != nil { _ = try? openStore() }
    sealIfBellRang()
    persistClockIfDue()
    if recordRetry.isDue(atBoot: reading().bootMilliseconds) { takeRecords(collections: []) }
    let now = reading().bootMilliseconds
    if let due = coreWakeAt, due.milliseconds <= Int64(clamping: now) {
      coreWakeAt = nil
      step(.wake)
    }
    pumpDownloads()
    armWake()
  }

  // MARK: - Server time

  func takeTime(of response: SyncResponse, requestedAt: UInt64, arrived: ClockReading) {
    let proof =
      response.timeProof.isEmpty ? nil : TimeProof(milliseconds: response.sentAt, mac: response.timeProof)
    serverTime.take(
      receivedAt: response.receivedAt, sentAt: response.sentAt, requestedAt: requestedAt, arrived: arrived,
      proof: proof)
    journalTimeIfBetter()
    updateBell()
    armWake()
  }

  func takeTime(of grant: SessionGrant, requestedAt: UInt64) {
    serverTime.take(
      receivedAt: grant.serverTime, sentAt: grant.serverTime, requestedAt: requestedAt, arrived: reading())
    updateBell()
  }

  func journalTimeIfBetter() {
    guard let store, let attempt, !isSealed(attempt), let status = try? store.outline(of: attempt),
      status.receipt == nil
    else { return }
    let now = reading()
    switch serverTime.news(for: status.clock, at: now) {
    case .none: return
    case .narrower: break
    case .contradiction:
      guard now.bootMilliseconds >= contradictionsJournalledFrom else { return }
      contradictionsJournalledFrom = now.bootMilliseconds + Self.contradictionIntervalMilliseconds
    }
    if (try? store.storeContext(context(at: now), in: attempt, at: moment())) != nil { nudge() }
  }

  func context(at now: ClockReading) -> ClockContext {
    ClockContext(
      bootID: now.bootID, bootMilliseconds: now.bootMilliseconds, wallMilliseconds: now.wallMilliseconds,
      server: serverTime.bounds(atBootMilliseconds: now.bootMilliseconds), proof: serverTime.proof)
  }
}
