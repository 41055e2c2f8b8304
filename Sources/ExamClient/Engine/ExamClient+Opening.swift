import CurlTransport
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ExamClient {
  /// The database file in a store's folder.
  package static func storePath(in folder: String) -> String { "\(folder)/exam.db" }

  /// Opens the store, verifies all of it, and goes on where the device was left. A second call does nothing.
  ///
  /// If the bell rang meanwhile, the paper is handed in before anything else.
  ///
  /// - Throws: ``ExamClientError/Code/storeInUse`` if another process has the store;
  ///   ``ExamClientError/Code/storageFailed`` if it cannot be opened at all. A damaged store is set aside and carried
  ///   over: that is an event, and no error.
  public func open() throws(ExamClientError) {
    guard store == nil else { return }
    guard mkdir(configuration.storeFolder, 0o700) == 0 || errno == EEXIST else {
      throw ExamClientError(
        .storageFailed,
        "The folder \(configuration.storeFolder) cannot be made (system error \(errno)). Check where it is.",
        nextActor: .support)
    }
    do throws(ExamStoreError) {
      let opened = try ExamStore(
        path: Self.storePath(in: configuration.storeFolder), appVersion: configuration.appVersion,
        vault: configuration.secretVault.map { VaultAdapter(vault: $0) }, at: instant())
      do throws(ExamStoreError) {
        if !isInspecting {
          try opened.pinServerKey(configuration.serverKey)
          let address = Array(plane.address.utf8)
          if try opened.setting(SettingName.serverURL) != address {
            try opened.setSetting(SettingName.serverURL, to: address)
          }
        }
      } catch {
        opened.close()
        throw error
      }
      store = opened
      afterOpening(opened)
    } catch {
      throw ExamClientError(error)
    }
    scheduleNudge(.beginSync)
  }

  /// Brings back what the store says, right after it was opened or opened again.
  func afterOpening(_ store: ExamStore) {
    attempt = recalledAttempt(store)
    serverTime = ServerTime(bootID: reading().bootID)
    bell = Bell()
    sectionClocks = []
    persistedSections = nil
    drafts = []
    openedPaper = nil
    contradictionsJournalledFrom = 0
    clockPersistedAt = reading().bootMilliseconds
    if let quarantine = store.report.quarantine {
      logFault("the store was damaged and set aside", "\(quarantine.reason)")
      emit(.storeSalvaged(path: quarantine.path))
    }
    guard let attempt, let status = try? store.status(of: attempt) else { return }
    let now = reading()
    serverTime = ServerTime(status.clock, bootID: now.bootID)
    let granted = (try? store.noticedGrants(of: attempt)) ?? 0
    let persisted = (store.report.clocks[attempt] ?? status.persistedClock).map {
      Bell.PersistedTime(reading: ClockReading($0.instant), remainingMilliseconds: $0.remainingMilliseconds)
    }
    bell = Bell(persisted, grantedMilliseconds: granted, at: now)
    recallSections(store, attempt)
    updateBell()
    ringWhatIsDue()
    lockAfterRestart(store, attempt)
  }

  /// A restart of the app locks only where the exam's policy says so (S3-32).
  private func lockAfterRestart(_ store: ExamStore, _ attempt: ID128) {
    guard (try? store.terms(attempt).exam?.policy.restartLocks) == true,
      (try? store.phase(of: attempt)) == .answering
    else { return }
    do {
      if let outcome = try store.lock(.other, detail: "the app was restarted", in: attempt, at: moment()) {
        emit(.locked(LockReceipt(number: outcome.number, count: outcome.count, handedIn: outcome.handedIn)))
      }
    } catch {
      logFault("the lock after a restart was not saved", "\(error)")
    }
  }

  private func recalledAttempt(_ store: ExamStore) -> ID128? {
    let joined = store.joinedAttempts
    if let bytes = try? store.setting(SettingName.attempt), let recalled = ID128(bytes), joined.contains(recalled) {
      return recalled
    }
    return joined.count == 1 ? joined.first : nil
  }

  /// Starts sync with what the store holds. After the reply of ``open()``, so that a candidate never waits for it.
  func beginSync() {
    guard let store, core == nil, !isInspecting else { return }
    do {
      if transport == nil {
        transport = try CurlTransport(
          options: TransportOptions(certificateAuthorityFile: configuration.certificateAuthorityFile))
      }
    } catch {
      logFault("no transport", "\(error)")
      return
    }
    core = SyncCore(
      seed: ID128.random().low, options: SyncOptions(automaticallySync: configuration.automaticallySync))
    step(.start(store.syncStart(attempt: attempt, at: reading())))
    takeRecords(collections: nil)
    refreshDownloads()
  }

  /// After a fault the store was opened again: what sync could not store meanwhile, such as a receipt, is taken now.
  func beginSyncAnew() {
    guard let store, core != nil else { return }
    step(.start(store.syncStart(attempt: attempt, at: reading())))
    takeRecords(collections: nil)
    refreshDownloads()
  }

  /// Ends what is under way and closes the store. What was saved is on the disk; pending entries go on next time.
  public func close() async {
    ringWhatIsDue()
    saveDrafts()
    step(.stop)
    for flight in flights.values { transport?.cancel(flight.handle) }
    flights = [:]
    for round in manualRounds { round.continuation.resume(returning: false) }
    manualRounds = []
    downloads = DownloadQueue()
    executor.setWake(afterMilliseconds: nil) {}
    core = nil
    let closing = transport
    transport = nil
    if let store {
      persistClock()
      store.close()
    }
    store = nil
    for waiter in waiters.values { waiter.continuation.resume(returning: false) }
    waiters = [:]
    for listener in statusListeners.values { listener.finish() }
    for listener in eventListeners.values { listener.finish() }
    statusListeners = [:]
    eventListeners = [:]
    closing?.shutdown()
    await closing?.waitUntilShutDown()
  }
}

/// Names of the small values that the engine keeps in the store.
enum SettingName {
  static let attempt = "engine.attempt"
  static let examCode = "engine.exam-code"
  static let joinTries = "engine.join-tries"
  /// The version of the paper that an attempt was started with.
  static func paperVersion(_ attempt: ID128) -> String { "engine.paper-version.\(attempt.hex)" }
  /// The milliseconds of time grants that the persisted time left includes.
  static func grants(_ attempt: ID128) -> String { "engine.grants.\(attempt.hex)" }
  static let serverURL = "engine.server-url"
  static let announcements = "engine.announcements"
}
