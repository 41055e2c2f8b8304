import ExamModel
import SQLite

#if PlantedBugs
  import Planted
#endif

/// Opening a store: verify it, or set it aside and go on from what can be read of it.
enum StoreOpening {
  struct Opened {
    var connection: Connection
    var contents: StoreContents
    var report: OpenReport
  }

  static func open(
    _ setup: StoreSetup, randomness: inout any RandomNumberGenerator, at instant: DeviceInstant
  ) throws(ExamStoreError) -> Opened {
    try finishInterruptedSalvage(setup)
    #if PlantedBugs
      if planted(.walDeletedAtOpening) { setup.files.remove(setup.path + "-wal") }
    #endif
    let existed = setup.files.exists(setup.path)
    // SQLite would remove a log that has no file; it may hold everything.
    if !existed { try moveCompanions(setup, to: freeName(setup)) }
    var connection: Connection?
    do throws(ExamStoreError) { return try look(setup, existed, &connection) } catch {
      guard error.code == .damaged, existed else { throw error }
    }
    // A read that gave a part of a page looks like damage: what is damaged is so at a second look, at the file anew.
    close(&connection)
    do throws(ExamStoreError) { return try look(setup, existed, &connection) } catch {
      guard error.code == .damaged else { throw error }
      let quarantine = try setAside(connection, reason: error.message, setup, randomness: &randomness, at: instant)
      let fresh = try setup.open()
      let contents = try StoreContents.verified(fresh, path: setup.path, vault: setup.vault)
      return try finish(fresh, contents, isNew: false, quarantine: quarantine)
    }
  }

  /// - Parameter connection: the one that looked, also where what it found is damaged.
  private static func look(
    _ setup: StoreSetup, _ existed: Bool, _ connection: inout Connection?
  ) throws(ExamStoreError) -> Opened {
    do throws(ExamStoreError) { return try verified(setup, existed, &connection) } catch {
      if error.code == .storageFailed { setup.noteFault() }
      throw error
    }
  }

  private static func verified(
    _ setup: StoreSetup, _ existed: Bool, _ connection: inout Connection?
  ) throws(ExamStoreError) -> Opened {
    var opened = try setup.open()
    connection = opened
    // The reserve is made only beside a store that was opened once. Looked at before an empty file is given its tables.
    let hadStore = setup.files.exists(setup.reservePath)
    if existed, hadStore, try isEmpty(opened) { throw .damaged("everything in the store's file was deleted") }
    var contents = try StoreContents.verified(opened, path: setup.path, vault: setup.vault)
    if existed, setup.files.exists(setup.faultPath) {
      opened = try copied(opened, contents, setup)
      connection = opened
      // So that each page is in the connection's cache as it was verified: a page that is read in part when it is
      // written next would be written so.
      contents = try StoreContents.verified(opened, path: setup.path, vault: setup.vault)
    }
    var result = try finish(opened, contents, isNew: contents.wasEmpty, quarantine: nil)
    result.report.isPredecessorMissing = contents.wasEmpty && hadStore
    return result
  }

  private static func isEmpty(_ connection: Connection) throws(ExamStoreError) -> Bool {
    do throws(SQLiteError) { return try connection.schemaVersion() == 0 } catch {
      throw .opening(error, path: connection.path)
    }
  }

  /// The log stays beside the file as it is.
  private static func close(_ connection: inout Connection?) {
    connection?.abandonLog()
    try? connection?.close()
    connection = nil
  }

  private static func finish(
    _ connection: Connection, _ contents: StoreContents, isNew: Bool, quarantine: Quarantine?
  ) throws(ExamStoreError) -> Opened {
    do throws(SQLiteError) { try connection.settleLog() } catch { throw .opening(error, path: connection.path) }
    var report = OpenReport(isNew: isNew)
    report.quarantine = quarantine
    report.journalCount = contents.journalCount
    report.entryCount = contents.entryCount
    report.damagedScopes = try ScopeTable(connection: connection).takeBackDamaged()
    for (attempt, memory) in contents.memories {
      report.clocks[attempt] = memory.journals.last { $0.persisted != nil }?.persisted
    }
    return Opened(connection: connection, contents: contents, report: report)
  }

  /// After a failure of the disk what is read here may be in the system's cache only, and taken for clean there: no
  /// sync would ever write it. Folding such a log into the file would tear the file at a power cut. So every
  /// page is written anew into another file, and that takes the place of this one when it is complete.
  ///
  /// - Parameter contents: of the file, read and verified: what the copy has to hold.
  private static func copied(
    _ connection: Connection, _ contents: StoreContents, _ setup: StoreSetup
  ) throws(ExamStoreError) -> Connection {
    removeBuilding(setup)
    do throws(SQLiteError) { try connection.backup(to: setup.buildingPath) } catch {
      // Without room for a copy the log is all there is.
      guard error.isDiskFull else { throw .opening(error, path: setup.path) }
      return connection
    }
    // A page of which a read gave a part would be gone with the only file that has all of it.
    guard try isCopy(of: contents, setup) else {
      removeBuilding(setup)
      throw ExamStoreError(
        .storageFailed,
        "The device's storage gave a part only of what the store holds. Nothing was changed: open the app again, and "
          + "tell the proctor if it fails again.")
    }
    connection.abandonLog()
    try? connection.close()
    let former = freeName(setup)
    try setup.files.rename(setup.path, to: former)
    try moveCompanions(setup, to: former)
    try setup.files.rename(setup.buildingPath, to: setup.path)
    for path in [former] + StoreSetup.companions(of: former) + [setup.faultPath] { setup.files.remove(path) }
    return try setup.open()
  }

  private static func isCopy(of contents: StoreContents, _ setup: StoreSetup) throws(ExamStoreError) -> Bool {
    do throws(ExamStoreError) {
      let copy: Connection
      do throws(SQLiteError) { copy = try setup.connect(setup.buildingPath) } catch {
        throw .opening(error, path: setup.buildingPath)
      }
      defer { try? copy.close() }
      return try StoreContents.verified(copy, path: setup.buildingPath, vault: setup.vault).isSame(as: contents)
    } catch {
      guard error.code == .damaged else { throw error }
      return false
    }
  }

  /// Builds the new store completely under another name, and only then lets it take the damaged one's place: at
  /// every instant the entries are in a file that the next opening finds.
  private static func setAside(
    _ damaged: Connection?, reason: String, _ setup: StoreSetup, randomness: inout any RandomNumberGenerator,
    at instant: DeviceInstant
  ) throws(ExamStoreError) -> Quarantine {
    var salvage = Salvage()
    if let damaged { salvage = try Salvage.read(damaged, vault: setup.vault) }
    #if PlantedBugs
      if planted(.damagedStoreThrownAway) { salvage.journals = [] }
    #endif
    // The log is set aside with the file.
    var damaged = damaged
    close(&damaged)
    removeBuilding(setup)
    let journals = try salvage.build(setup, randomness: &randomness, at: instant)
    let quarantined = freeName(setup)
    try setup.files.rename(setup.path, to: quarantined)
    try moveCompanions(setup, to: quarantined)
    try setup.files.rename(setup.buildingPath, to: setup.path)
    return Quarantine(
      reason: reason, path: quarantined, journals: journals, isIdentityLost: salvage.device == nil)
  }

  /// The damaged file was set aside, but the finished new one has not taken its place yet.
  private static func finishInterruptedSalvage(_ setup: StoreSetup) throws(ExamStoreError) {
    guard !setup.files.exists(setup.path), setup.files.exists(setup.buildingPath) else { return }
    try moveCompanions(setup, to: freeName(setup))
    try setup.files.rename(setup.buildingPath, to: setup.path)
  }

  private static func moveCompanions(_ setup: StoreSetup, to name: String) throws(ExamStoreError) {
    for (companion, target) in zip(StoreSetup.companions(of: setup.path), StoreSetup.companions(of: name))
    where setup.files.exists(companion) {
      try setup.files.rename(companion, to: target)
    }
  }

  private static func removeBuilding(_ setup: StoreSetup) {
    for path in [setup.buildingPath] + StoreSetup.companions(of: setup.buildingPath) { setup.files.remove(path) }
  }

  private static func freeName(_ setup: StoreSetup) -> String {
    var number = 1
    func name() -> String { "\(setup.path).quarantined-\(number)" }
    func isTaken() -> Bool {
      setup.files.exists(name()) || StoreSetup.companions(of: name()).contains { setup.files.exists($0) }
    }
    while isTaken() { number += 1 }
    return name()
  }
}
