import ExamStore
import SQLite
import SyncCore
import Testing

@testable import ExamLab

@Suite struct VirtualDiskTests {
  @Test func keepsWhatIsWrittenFromOneGenerationToTheNext() throws {
    let disk = VirtualDisk()
    let rows = NumberedRows()
    #expect(rows.fill(disk, upTo: 30) == 30)
    disk.kill()
    disk.restart()
    #expect(rows.found(disk) == NumberedRows.State(count: 30))
    // A kill leaves what was written in the page cache, synced or not.
    let lazy = NumberedRows(synchronous: .off)
    let second = VirtualDisk(seed: 2)
    #expect(lazy.fill(second, upTo: 30) == 30)
    second.kill()
    second.restart()
    #expect(lazy.found(second)?.count == 30)
  }

  @Test func sameSeedGivesTheSameImage() {
    func digest(_ seed: UInt64) -> TraceDigest {
      let disk = VirtualDisk(seed: seed)
      let rows = NumberedRows(synchronous: .normal, walAutocheckpointPages: 6)
      disk.schedulePowerCut(atCall: 150 + seed % 50)
      _ = rows.fill(disk, upTo: 50)
      #expect(disk.isDead)
      return disk.digest
    }
    var digests: Set<TraceDigest> = []
    for seed in UInt64(1)...20 {
      #expect(digest(seed) == digest(seed))
      digests.insert(digest(seed))
    }
    #expect(digests.count > 8)
  }

  @Test func replayOfTheDecisionsGivesTheSameImage() {
    for seed in UInt64(1)...20 {
      let rows = NumberedRows(synchronous: .normal, walAutocheckpointPages: 1000)
      func run(_ decisions: Decisions) -> TraceDigest {
        let disk = VirtualDisk(decisions: decisions, node: 3)
        disk.schedulePowerCut(atCall: 140)
        _ = rows.fill(disk, upTo: 50)
        return disk.digest
      }
      let first = Decisions(seed: seed)
      let digest = run(first)
      #expect(run(Decisions(seed: seed, plan: first.taken)) == digest)
    }
  }

  @Test func planWithoutChoicesKeepsEverything() {
    let disk = VirtualDisk(decisions: Decisions(seed: 5, plan: []), node: 1)
    let rows = NumberedRows(synchronous: .off, walAutocheckpointPages: 1000)
    #expect(rows.fill(disk, upTo: 20) == 20)
    disk.powerCut()
    disk.restart()
    #expect(rows.found(disk)?.count == 20)
  }

  @Test func perfectDiskAsksForNoChoice() {
    let decisions = Decisions(seed: 1)
    let disk = VirtualDisk(decisions: decisions, node: 1)
    #expect(NumberedRows().fill(disk, upTo: 10) == 10)
    #expect(decisions.taken.isEmpty)
    #expect(decisions.next(.diskError, node: 1) { _ in 7 } == 7)
    #expect(decisions.taken.first?.label.index == 0)
  }

  @Test func deadGenerationChangesNothing() throws {
    let disk = VirtualDisk()
    let rows = NumberedRows()
    let old = try rows.open(disk)
    for number in 1...5 { try rows.add(number, to: old) }
    disk.powerCut()
    let calls = disk.callCount
    #expect(throws: SQLiteError.self) { try rows.add(6, to: old) }
    #expect(throws: SQLiteError.self) { try Connection(path: "other.db", options: old.options) }
    #expect(disk.callCount == calls && disk.isDead)
    disk.restart()
    let image = disk.digest
    // The old program is still there while the new one works, and closes in its own time.
    let new = try rows.open(disk)
    try rows.add(6, to: new)
    #expect(throws: SQLiteError.self) { try rows.add(6, to: old) }
    #expect(throws: SQLiteError.self) { try old.checkpoint(.truncate) }
    let before = disk.digest
    try? old.close()
    #expect(disk.digest == before && before != image)
    try new.close()
    #expect(rows.found(disk)?.count == 6)
  }

  @Test func connectionsMayOutliveTheDisk() throws {
    var connection: Connection?
    do {
      let disk = VirtualDisk()
      connection = try NumberedRows().open(disk)
      disk.close()
    }
    #expect(throws: SQLiteError.self) { try connection.map { try NumberedRows().add(1, to: $0) } }
    try? connection?.close()
  }

  @Test func manyDisksAtOnceAreStrangers() {
    let disks = (UInt64(1)...50).map { VirtualDisk(seed: $0) }
    #expect(Set(disks.map(\.vfsName)).count == 50)
    for (index, disk) in disks.enumerated() { #expect(NumberedRows().fill(disk, upTo: index) == index) }
    for (index, disk) in disks.enumerated() { #expect(NumberedRows().found(disk)?.count == index) }
  }

  @Test func secondProgramIsKeptOut() throws {
    let disk = VirtualDisk()
    let lock = try disk.files.lock("store.db.lock")
    #expect(throws: ExamStoreError.self) { try disk.files.lock("store.db.lock") }
    lock.release()
    let second = try disk.files.lock("store.db.lock")
    disk.kill()
    disk.restart()
    // The lock died with its process, and its late release does not free the new one's.
    let third = try disk.files.lock("store.db.lock")
    second.release()
    #expect(throws: ExamStoreError.self) { try disk.files.lock("store.db.lock") }
    third.release()
    let exclusive = try NumberedRows().open(disk)
    try NumberedRows().add(1, to: exclusive)
    #expect(throws: SQLiteError.self) { try NumberedRows().open(disk) }
  }

  @Test func readerAndWriterShareTheIndexOfTheLog() throws {
    let disk = VirtualDisk()
    var options = ConnectionOptions()
    options.vfsName = disk.vfsName
    options.lockingMode = .normal
    options.pageSizeBytes = 1024
    let writer = try Connection(path: NumberedRows.path, options: options)
    try writer.execute("CREATE TABLE row(number INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT")
    let reader = try Connection(path: NumberedRows.path, options: options)
    try NumberedRows().add(1, to: writer)
    #expect(NumberedRows.state(reader)?.count == 1)
    try writer.execute("BEGIN IMMEDIATE")
    #expect(throws: SQLiteError.self) { try reader.execute("BEGIN IMMEDIATE") }
    try writer.execute("ROLLBACK")
    try reader.execute("BEGIN; SELECT count(*) FROM row")
    for number in 2...40 { try NumberedRows().add(number, to: writer) }
    #expect(try reader.integer("SELECT count(*) FROM row") == 1)
    try reader.execute("COMMIT")
    #expect(NumberedRows.state(reader)?.count == 40)
    try writer.checkpoint(.truncate)
    disk.powerCut()
    disk.restart()
    #expect(NumberedRows().found(disk)?.count == 40)
  }

  @Test func imagesGoBackAndForth() {
    let disk = VirtualDisk()
    let rows = NumberedRows()
    _ = rows.fill(disk, upTo: 5)
    disk.restart()
    let early = disk.snapshot()
    _ = rows.fill(disk, upTo: 9)
    disk.restart()
    let late = disk.snapshot()
    disk.restore(early)
    #expect(rows.found(disk)?.count == 5)
    disk.restore(late)
    #expect(rows.found(disk)?.count == 9)
    let other = VirtualDisk(seed: 2)
    other.restore(early)
    disk.restart()
    for path in late.files.map(\.path) { disk.damage(.swap(path: path, with: other)) }
    #expect(rows.found(disk)?.count == 5 && rows.found(other)?.count == 9)
  }

  @Test func timeIsTheDisks() throws {
    let disk = VirtualDisk()
    disk.nowMilliseconds = 1_800_000_000_000
    let connection = try NumberedRows().open(disk)
    #expect(try connection.integer("SELECT unixepoch('now')") == 1_800_000_000)
  }
}
