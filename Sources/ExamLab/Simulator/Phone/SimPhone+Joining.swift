import CurlTransport
import ExamClient
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// Opening, log-in, joining and starting, as in `ExamClient+Opening`, `+Identity`, `+Joining` and `+Paper`.
extension SimPhone {
  static let attemptSetting = "engine.attempt"

  func afterOpening(_ store: ExamStore) {
    attempt = recalledAttempt(store)
    serverTime = ServerTime(bootID: reading().bootID)
    bell = Bell()
    openedPaper = nil
    contradictionsJournalledFrom = 0
    clockPersistedAt = reading().bootMilliseconds
    guard let attempt, let status = try? store.outline(of: attempt) else { return }
    let now = reading()
    serverTime = ServerTime(status.clock, bootID: now.bootID)
    let granted = (try? store.noticedGrants(of: attempt)) ?? 0
    bell = Bell(
      persisted(store.report.clocks[attempt] ?? status.persistedClock), grantedMilliseconds: granted, at: now)
    updateBell()
    sealIfBellRang()
    lockAfterRestart(store, attempt)
  }

  private func persisted(_ clock: PersistedClock?) -> Bell.PersistedTime? {
    clock.map {
      Bell.PersistedTime(
        reading: ClockReading(
          bootID: $0.instant.bootID, bootMilliseconds: $0.instant.bootMilliseconds,
          wallMilliseconds: $0.instant.wallMilliseconds),
        remainingMilliseconds: $0.remainingMilliseconds)
    }
  }

  private func lockAfterRestart(_ store: ExamStore, _ attempt: ID128) {
    guard (try? store.terms(attempt).exam?.policy.restartLocks) == true,
      (try? store.phase(of: attempt)) == .answering
    else { return }
    _ = try? lock(.other, detail: "the app was restarted")
  }

  private func recalledAttempt(_ store: ExamStore) -> ID128? {
    let joined = store.joinedAttempts
    if let bytes = try? store.setting(Self.attemptSetting), let recalled = ID128(bytes), joined.contains(recalled) {
      return recalled
    }
    return joined.count == 1 ? joined.first : nil
  }

  func beginSync() {
    guard let store, core == nil else { return }
    core = SyncCore(seed: world.seeds.generator(.core, UInt64(index), openings).peeked)
    downloads = SimDownloads(core: BlobCore(seed: world.seeds.generator(.blobs, UInt64(index), openings).peeked))
    step(.start(store.syncStart(attempt: attempt, at: reading())))
    takeRecords(collections: nil)
    refreshDownloads()
  }

  private func beginSyncAnew() {
    guard let store, core != nil else { return }
    step(.start(store.syncStart(attempt: attempt, at: reading())))
    takeRecords(collections: nil)
    refreshDownloads()
  }

  /// The store, opened and verified again after a fault (I27).
  func openStore() throws -> ExamStore {
    guard let store else { throw ExamStoreError(.closed, "The engine is not open.") }
    if store.storageFailure != nil {
      try store.reopen(at: instant())
      note(.opened(isNew: false, quarantined: store.report.quarantine != nil))
      afterOpening(store)
      after(0) { [unowned self] in beginSyncAnew() }
    }
    return store
  }

  // MARK: - Log-in

  var isLoggedIn: Bool {
    guard !isLoginNeeded, let grant = store?.identity?.grant else { return false }
    // Checking a signature takes longer than everything else that a person does.
    if checkedCertificate?.statement != grant.certificate.statement {
      let certificate = SessionExchange.certificate(of: grant, serverKey: SimExam.identity.publicKey)
      checkedCertificate = certificate.map { (grant.certificate.statement, $0.expiresAt) }
    }
    guard let checkedCertificate else { return false }
    let now = serverTime.estimate(atBootMilliseconds: reading().bootMilliseconds) ?? grant.serverTime
    return checkedCertificate.expiresAt > now
  }

  func logIn() throws {
    let identity = try openStore().makeIdentity()
    let nonce = world.nonce()
    let request = SessionExchange.login(
      user: owner.username, password: owner.password, key: identity.signingKey, appVersion: "3.4.2", nonce: nonce)
    let prepared = plane.post("/v1/login", request.wire, deflates: world.options.deflates)
    let requestedAt = reading().bootMilliseconds
    guard !disk.isDead else { return }
    _ = transmit(prepared, kind: "log-in") { [unowned self] result in
      guard let store, case .success(let response) = result,
        case .message(let message) = plane.read(response, to: prepared),
        let grant = try? SessionExchange.grant(
          from: message, nonce: nonce, key: identity.signingKey, serverKey: SimExam.identity.publicKey),
        (try? store.storeGrant(grant, user: owner.username)) != nil
      else { return }
      isLoginNeeded = false
      takeTime(of: grant, requestedAt: requestedAt)
      beginSync()
      step(.loggedIn)
      step(.scopesChanged(wantedScopes()))
    }
  }

  // MARK: - Joining

  /// Joins by code: with the roster on the device without a network, else with the server's help.
  func join() throws {
    let store = try openStore()
    for record in try store.attempts() where !record.isVoided && CodeCheck.examCode(SimExam.code, opens: record) {
      return try finishJoining(record.attempt, store)
    }
    guard let session = liveSession(store), !disk.isDead else { return }
    let prepared = plane.post(
      "/v1/join", JoinRequest(code: SimExam.code).wire, session: session,
      sentAt: serverTime.estimate(atBootMilliseconds: reading().bootMilliseconds) ?? 0,
      deflates: world.options.deflates)
    _ = transmit(prepared, kind: "join") { [unowned self] result in
      guard case .success(let response) = result, case .message = plane.read(response, to: prepared) else { return }
      // The attempt's record is in the candidate's scope: it is read, and the candidate tries again.
      step(.fetchChanges)
      step(.scopesChanged(wantedScopes()))
    }
  }

  private func finishJoining(_ attempt: ID128, _ store: ExamStore) throws {
    if attempt != self.attempt {
      self.attempt = nil
      bell = Bell()
      openedPaper = nil
    }
    let saved = try journalling { try store.join(attempt, at: moment()) }
    try store.setSetting(Self.attemptSetting, to: attempt.bytes)
    noteSaved(saved, store)
    if self.attempt != attempt {
      self.attempt = attempt
      let granted = try store.noticedGrants(of: attempt)
      bell = Bell(
        persisted(try store.outline(of: attempt).persistedClock), grantedMilliseconds: granted, at: reading())
    }
    journalTimeIfBetter()
    updateBell()
    sealIfBellRang()
    nudge()
    step(.scopesChanged(wantedScopes()))
    takeRecords(collections: nil)
    refreshDownloads()
    armWake()
  }
}
