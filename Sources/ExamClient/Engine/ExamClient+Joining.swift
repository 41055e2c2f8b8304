import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

extension ExamClient {
  /// Joins the exam that a six-digit code selects (S3-07). Safe to repeat (S3-27, S3-31): the same attempt is found by
  /// code and candidate. With the roster on the device it needs no network.
  ///
  /// An attempt that was begun elsewhere goes on from the server's answers.
  ///
  /// - Throws: ``ExamClientError/Code/badArgument`` for anything but six digits, `.codeUnknown`, `.tooManyTries`,
  ///   `.alreadySubmitted` (S3-33), `.clientTooOld` (S3-02), `.phoneNotBound` (S3-04), `.noExamEntry` (S3-05),
  ///   `.loginNeeded`, `.notAssigned`, `.network`.
  @discardableResult
  public func join(code: String) async throws -> JoinReceipt {
    guard CodeCheck.isExamCode(code) else {
      throw ExamClientError(
        .badArgument,
        "An exam code has exactly \(Limits.examCodeDigits) digits, zeros in front included. Type it again.")
    }
    let identity = try onStore { (store) throws(ExamStoreError) in store.identity }
    guard let grant = identity?.grant else { throw ExamClientError.loginNeeded }
    try requireEntitlement(grant)
    if let known = try knownAttempt(code: code) { return try finishJoining(known, code: code) }
    let reply: JoinReply
    do {
      reply = try JoinReply(wire: try await authenticatedExchange("/v1/join", JoinRequest(code: code).wire))
    } catch is WireError {
      throw ExamClientError.network("an answer that cannot be read")
    }
    try await awaitRecords(of: reply)
    return try finishJoining(reply.attempt, code: code)
  }

  private func requireEntitlement(_ grant: SessionGrant) throws(ExamClientError) {
    let profile = try onStore { (store) throws(ExamStoreError) in
      try store.value(ProfileRecord.self, ScopeCollection.profile, "self", in: grant.candidate)
    }
    guard profile?.isPhoneBound ?? grant.isPhoneBound else {
      throw ExamClientError(
        .phoneNotBound,
        "No phone number is bound to this account. Bind one under Me – Settings, then enter the code.")
    }
    guard grant.hasMyExams else {
      throw ExamClientError(
        .noExamEntry, "This account has no exams. Tell your teacher, or call support.", nextActor: .support)
    }
  }

  /// The attempt whose verifier fits the code, among those that are on this device. Wrong codes are counted durably.
  private func knownAttempt(code: String) throws(ExamClientError) -> ID128? {
    let attempts = try onStore { (store) throws(ExamStoreError) in try store.attempts() }
    guard !attempts.isEmpty else { return nil }
    var tries = try joinTries()
    guard tries.count < Limits.joinTries else {
      throw ExamClientError(
        .tooManyTries, "Too many wrong codes. Wait a minute, check the code, or ask the proctor.", triesLeft: 0,
        retryAfterSeconds: Int(tries.waitMilliseconds(at: reading()) + 999) / 1_000)
    }
    for record in attempts where !record.isVoided && CodeCheck.examCode(code, opens: record) {
      if tries.count > 0 { try keep(JoinTries(at: reading())) }
      return record.attempt
    }
    tries.count += 1
    try keep(tries)
    return nil
  }

  private func joinTries() throws(ExamClientError) -> JoinTries {
    let now = reading()
    let stored = try onStore { (store) throws(ExamStoreError) in try store.setting(SettingName.joinTries) }
    guard let stored, let tries = JoinTries(bytes: stored, at: now), tries.waitMilliseconds(at: now) > 0 else {
      return JoinTries(at: now)
    }
    return tries
  }

  private func keep(_ tries: JoinTries) throws(ExamClientError) {
    try onStore { (store) throws(ExamStoreError) in try store.setSetting(SettingName.joinTries, to: tries.bytes) }
  }

  /// The server selected an attempt: its record is in the candidate's scope, which is read until it is here.
  private func awaitRecords(of reply: JoinReply) async throws {
    for _ in 0..<2 {
      if (try? store?.terms(reply.attempt).exam) != nil { return }
      _ = await roundTrip(.fetch)
      // The exam's own scope is wanted only once its attempt is known.
      step(.scopesChanged(wantedScopes()))
    }
    if (try? store?.terms(reply.attempt)) != nil { return }
    throw ExamClientError(
      .network, "The exam was found, but its data did not arrive yet. Stay connected, then enter the code again.")
  }

  private func finishJoining(_ attempt: ID128, code: String) throws(ExamClientError) -> JoinReceipt {
    try refuseSubmitted(attempt)
    let terms = try onStore { (store) throws(ExamStoreError) in try store.terms(attempt) }
    let isNew = !(try onStore { (store) throws(ExamStoreError) in store.joinedAttempts.contains(attempt) })
    if isNew, let exam = terms.exam { try requireVersion(exam.policy.minimumAppVersion) }
    if attempt != self.attempt {
      saveDrafts()
      persistClock()
      self.attempt = nil
      bell = Bell()
      openedPaper = nil
    }
    let moment = moment()
    let saved = try onStore { (store) throws(ExamStoreError) in
      let saved = try store.join(attempt, at: moment)
      try store.setSetting(SettingName.attempt, to: attempt.bytes)
      try store.setSetting(SettingName.examCode, to: Array(code.utf8))
      return saved
    }
    if self.attempt != attempt {
      self.attempt = attempt
      let granted = try onStore { (store) throws(ExamStoreError) in try store.noticedGrants(of: attempt) }
      bell = Bell(persistedTime(of: attempt), grantedMilliseconds: granted, at: reading())
      if let store { recallSections(store, attempt) }
    }
    journalTimeIfBetter()
    updateBell()
    ringWhatIsDue()
    scheduleNudge(.journal(saved.journal))
    step(.scopesChanged(wantedScopes()))
    takeRecords(collections: nil)
    refreshDownloads()
    armWake()
    return JoinReceipt(attempt: attempt, exam: terms.attempt.exam, title: terms.exam?.title ?? "")
  }

  private func persistedTime(of attempt: ID128) -> Bell.PersistedTime? {
    (try? store?.status(of: attempt).persistedClock).map {
      Bell.PersistedTime(reading: ClockReading($0.instant), remainingMilliseconds: $0.remainingMilliseconds)
    }
  }

  /// S3-33: with a receipt of the newest seal, unless that was reopened.
  private func refuseSubmitted(_ attempt: ID128) throws(ExamClientError) {
    guard let store, let candidate = store.identity?.grant?.candidate else { return }
    let receipts = try onStore { (store) throws(ExamStoreError) in
      try store.values(Receipt.self, ScopeCollection.receipt, in: candidate, keyPrefix: "\(attempt.hex)/")
    }
    let statements = receipts.values.compactMap { try? $0.verified(publicKey: configuration.serverKey).receipt }
    guard let newest = statements.max(by: { $0.ordinal < $1.ordinal }), newest.attempt == attempt else { return }
    let reopens = (try? store.terms(attempt).reopens) ?? []
    if !reopens.contains(newest.ordinal) { throw .alreadySubmitted(newest, own: ownJournals()) }
  }

  /// S3-02: only before the attempt is joined; a running one is never ended by an upgrade.
  private func requireVersion(_ minimum: String) throws(ExamClientError) {
    guard let needed = DottedVersion(minimum) else { return }
    guard let own = DottedVersion(configuration.appVersion), own >= needed else {
      throw ExamClientError(
        .clientTooOld, "This exam needs version \(minimum) of the app; this is \(configuration.appVersion). Update it.")
    }
  }
}

/// Wrong exam codes of the last minute, kept on the disk so that a restart gives no further try.
struct JoinTries: Hashable {
  var count: Int
  private var bootID: ID128
  private var startedAt: UInt64

  init(at now: ClockReading) {
    count = 0
    bootID = now.bootID
    startedAt = now.bootMilliseconds
  }

  /// After a reboot the minute begins again: boot times of two boots cannot be compared.
  init?(bytes: [UInt8], at now: ClockReading) {
    guard bytes.count == 25, let bootID = ID128(bytes[0..<16]) else { return nil }
    count = Int(bytes[24])
    let stored = bytes[16..<24].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    self.bootID = now.bootID
    startedAt = bootID == now.bootID && stored <= now.bootMilliseconds ? stored : now.bootMilliseconds
  }

  var bytes: [UInt8] {
    var bytes = bootID.bytes
    bytes.appendBigEndian(startedAt)
    bytes.append(UInt8(clamping: count))
    return bytes
  }

  func waitMilliseconds(at now: ClockReading) -> Int64 {
    let passed = Int64(clamping: now.bootMilliseconds) - Int64(clamping: startedAt)
    return max(0, Limits.joinWindowMilliseconds - passed)
  }
}
