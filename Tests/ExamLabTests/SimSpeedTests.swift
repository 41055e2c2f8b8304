import ExamModel
import ExamStore
import SQLite
import ServerCore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamLab

/// What makes runs fast must not change what they are.
@Suite struct SimSpeedTests {
  private func options(_ seed: UInt64) -> SimOptions {
    var options = SimOptions(seed: seed)
    options.candidates = 2
    options.questions = 10
    return options
  }

  @Test(arguments: [2, 4, 7, 9] as [UInt64]) func nothingOutlivesARun(seed: UInt64) throws {
    weak var phone: SimPhone?
    weak var server: SimServer?
    weak var left: SimWorld?
    func live() throws {
      let world = try SimWorld(options(seed))
      SimRun.begin(world)
      world.kernel.run(until: world.opensAt + 60_000)
      _ = world.dump()
      world.close()
      (left, phone, server) = (world, world.phones[0], world.server)
    }
    try live()
    #expect(left == nil && phone == nil && server == nil)
  }

  @Test func aNewStoreThatIsLaidOpensAsOneThatWasMade() throws {
    let disk = VirtualDisk()
    defer { disk.close() }
    disk.lay(try SimNewStore.shared.files())
    let instant = DeviceInstant(bootID: ID128(high: 1, low: 1), bootMilliseconds: 5, wallMilliseconds: 5)
    let store = try ExamStore(path: SimPhone.storeFile, vfs: disk.vfsName, files: disk.files, at: instant)
    #expect(store.report.quarantine == nil && !store.report.isPredecessorMissing)
    #expect(store.identity == nil && store.journalStatuses.isEmpty)
    let laid = disk.snapshot().files.map(\.path)
    store.close()

    let bare = VirtualDisk()
    defer { bare.close() }
    let made = try ExamStore(path: SimPhone.storeFile, vfs: bare.vfsName, files: bare.files, at: instant)
    _ = try made.heldScopes
    #expect(Set(bare.snapshot().files.map(\.path)).isSubset(of: laid))
    made.close()
    #expect(disk.snapshot()[SimPhone.storeFile]?.bytes == bare.snapshot()[SimPhone.storeFile]?.bytes)
  }

  @Test func aPaperIsTheKnownOneOnlyForTheSameBytes() throws {
    let world = try SimWorld(options(1))
    defer { world.close() }
    world.server.open()
    let exam = world.exam
    let scope = try #require(world.server.dump()?.scopes.first { $0.row.id == exam.exam })
    let record = try #require(scope.records.first { $0.collection == "paper" })
    let paper = try PaperRecord(wire: record.body)
    let shelf = SimPaperShelf()
    var reads = 0
    func open(_ change: @escaping (inout [UInt8]) -> Void = { _ in }) throws -> FoundPaper {
      try shelf.paper(paper, key: exam.paperKey) { digest in
        reads += 1
        guard var bytes = exam.blobs[digest] else { return nil }
        change(&bytes)
        return bytes
      }
    }
    let first = try open()
    #expect(first.paper == exam.paper && first.content == exam.content)
    let before = reads
    #expect(try open().paper == exam.paper)
    #expect(reads == 2 * before)
    #expect(throws: (any Error).self) { try open { $0[$0.count - 1] ^= 1 } }
    #expect(try open().paper == exam.paper)
  }

  @Test func countsOfMemoryStayWhereConnectionsAre() throws {
    let connection = try Connection(path: ":memory:", options: memoryOptions)
    #expect(!Library.countNoMemory())
    #expect(try connection.integer("SELECT 1") == 1)
  }

  private var memoryOptions: ConnectionOptions {
    var options = ConnectionOptions()
    options.journalMode = .memory
    options.lockingMode = .normal
    return options
  }
}
