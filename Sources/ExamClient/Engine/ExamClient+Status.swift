import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

extension ExamClient {
  /// Everything that a screen shows, as it is now.
  public var status: ExamStatus {
    ringWhatIsDue()
    return currentStatus()
  }

  /// The status now and after each change; only the newest is kept for a slow reader.
  public var statusUpdates: AsyncStream<ExamStatus> {
    let (stream, continuation) = AsyncStream.makeStream(of: ExamStatus.self, bufferingPolicy: .bufferingNewest(1))
    lastListener += 1
    let listener = lastListener
    statusListeners[listener] = continuation
    continuation.onTermination = { [weak self] _ in
      Task { await self?.removeListener(listener) }
    }
    continuation.yield(currentStatus())
    return stream
  }

  /// What happens from now on, in order.
  public var events: AsyncStream<ExamEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: ExamEvent.self)
    lastListener += 1
    let listener = lastListener
    eventListeners[listener] = continuation
    continuation.onTermination = { [weak self] _ in
      Task { await self?.removeListener(listener) }
    }
    return stream
  }

  private func removeListener(_ listener: Int) {
    statusListeners[listener] = nil
    eventListeners[listener] = nil
  }

  func emit(_ event: ExamEvent) {
    for listener in eventListeners.values { listener.yield(event) }
  }

  /// Something that a screen shows has changed. Gathered: many changes make one status.
  func changed() {
    guard !isPublishScheduled, !statusListeners.isEmpty || !waiters.isEmpty else { return }
    isPublishScheduled = true
    Task { publish() }
  }

  private func publish() {
    isPublishScheduled = false
    ringWhatIsDue()
    guard store != nil, !statusListeners.isEmpty || !waiters.isEmpty else { return }
    let status = currentStatus()
    for listener in statusListeners.values { listener.yield(status) }
    let now = Int64(clamping: reading().bootMilliseconds)
    for (id, waiter) in waiters {
      if waiter.isReached(status, contactCount) {
        waiters[id] = nil
        waiter.continuation.resume(returning: true)
      } else if let deadline = waiter.deadline, deadline <= now {
        waiters[id] = nil
        waiter.continuation.resume(returning: false)
      }
    }
    armWake()
  }

  /// Waits until a status is as wished.
  ///
  /// - Returns: `false` if the time was over first.
  package func wait(
    timeoutMilliseconds: Int64?, until isReached: @escaping @Sendable (ExamStatus, _ contacts: Int) -> Bool
  ) async -> Bool {
    guard store != nil else { return false }
    if isReached(currentStatus(), contactCount) { return true }
    let now = Int64(clamping: reading().bootMilliseconds)
    return await withCheckedContinuation { continuation in
      lastListener += 1
      waiters[lastListener] = Waiter(
        deadline: timeoutMilliseconds.map { now + $0 }, isReached: isReached, continuation: continuation)
      armWake()
    }
  }

  /// Proved answers of the server so far.
  package var contacts: Int { contactCount }

  func currentStatus() -> ExamStatus {
    let sync = core?.status()
    var status = ExamStatus(
      phase: store?.identity?.grant == nil ? .loggedOut : .loggedIn, counts: AnswerCounts(), answers: [],
      pendingCount: 0, lockCount: 0, lock: nil, receipt: nil, time: timeLeft, downloads: downloadProgress(),
      contact: contact, isLoginNeeded: isLoginNeeded, forkCount: 0, syncTrouble: sync?.trouble.map { SyncTrouble($0) },
      isReplaced: isLeaseElsewhere || isSuperseded,
      isCatchingUp: sync.map { !$0.awaitingServerAnswers.isEmpty } ?? false,
      isStorageLow: store?.isStorageLow ?? false,
      isStorageFailed: store?.storageFailure != nil, exam: nil, journal: nil, sequence: 0, sections: [],
      evidenceCount: 0)
    guard let store, let attempt, let found = try? store.status(of: attempt) else { return status }
    status.phase = phase(of: found)
    status.counts = AnswerCounts(
      saved: found.counts.saved, onServer: found.counts.onServer, sealed: found.counts.sealed,
      receipted: found.counts.receipted)
    status.answers = found.answers.map {
      AnswerState(
        item: $0.item, value: $0.value, isFlagged: $0.isFlagged, isOnServer: $0.durability.isOnServer,
        isSealed: $0.durability.isSealed, isReceipted: $0.durability.isReceipted)
    }
    status.pendingCount = Int(clamping: found.pendingEntries)
    status.evidenceCount = Int(clamping: found.evidenceEntries)
    status.lockCount = found.locks.count
    if case .locked(let number) = found.phase { status.lock = number }
    status.receipt = found.receipt.map { summary(of: $0) }
    status.forkCount = found.forkCount
    status.journal = found.journal
    status.sequence = found.sequence
    status.exam = examSummary(store, attempt)
    status.sections = sectionStates(found.closedSections)
    return status
  }

  func phase(of status: AttemptStatus) -> ExamStatus.Phase {
    switch status.phase {
    case .notStarted: .joined
    case .answering: .answering
    case .locked: .locked
    case .sealed: status.receipt == nil ? .sealed : .receipted
    }
  }

  private func examSummary(_ store: ExamStore, _ attempt: ID128) -> ExamSummary? {
    guard let terms = try? store.terms(attempt), let exam = terms.exam else { return nil }
    return ExamSummary(
      attempt: attempt, exam: terms.attempt.exam, title: exam.title, opensAt: exam.opensAt, closesAt: exam.closesAt,
      informationFields: exam.policy.informationFields)
  }
}

/// Somebody who waits for a status.
struct Waiter {
  /// Boot milliseconds.
  var deadline: Int64?
  var isReached: @Sendable (ExamStatus, Int) -> Bool
  var continuation: CheckedContinuation<Bool, Never>
}
