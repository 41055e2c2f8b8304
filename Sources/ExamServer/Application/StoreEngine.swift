import ExamModel
import SQLite
import ServerCore
import ServerStoreSQLite
import SyncProtocol

/// The embedded store and the decisions over it, as the writer's thread owns them.
final class StoreEngine: WriterEngine {
  private let core: ServerCore
  private let store: SQLiteServerStore
  private let disk: DiskWatch
  private var backup: RunningBackup?

  private struct RunningBackup {
    var job: Backup
    var completion: @Sendable (Result<Void, Problem>) -> Void
  }

  /// Pages of one piece of a backup: under a millisecond, so that answers hardly notice.
  private static let backupPages = 64

  /// 32 MiB of WAL: fewer and larger checkpoints, each on the same thread.
  private static let checkpointPages = 8_000
  private static let cacheKiB = 32 * 1_024

  /// A log that is worth folding in for its room.
  private static let foldedLogBytes = 1 << 20

  /// Looks at the disk until a folding that failed is tried again.
  private static let foldingPause = 100

  private let logPath: String
  private var foldingPause = 0

  /// What was verified before the store was used; `nil` where the last run had ended as it should.
  let verified: VerifiedChains?

  /// - Parameter verifies: recomputes every chain first.
  init(
    path: String, identity: SigningKey, configuration: ServerConfiguration, disk: DiskWatch, verifies: Bool, now: Int64
  ) throws {
    self.disk = disk
    logPath = path + "-wal"
    var options = ConnectionOptions.durable
    options.walAutocheckpointPages = Self.checkpointPages
    options.cacheSizeKiB = Self.cacheKiB
    store = try SQLiteServerStore(path: path, options: options)
    verified = verifies ? try store.verifyChains() : nil
    var generator = SystemRandomNumberGenerator()
    core = try ServerCore(
      store: store, identity: identity, node: identity.id, configuration: configuration, now: now,
      randomness: { generator.next() })
  }

  var sessions: SessionTable { core.sessions }
  var operators: OperatorTable { core.operators }

  func perform(_ batch: [ServerCall], now: Int64) -> BatchOutcome { core.perform(batch, now: now) }

  /// The decisions' own finding, or an error outside of them, as of a backup that could not read the store.
  var fault: String? { core.storeFault?.message ?? store.connection.storageFault?.description }

  /// On a disk that is nearly full the log is folded in and cut off, which gives its room back.
  func maintain() {
    let log = FileSystem.size(logPath) ?? 0
    disk.look(logBytes: log)
    guard disk.isLow, log >= Self.foldedLogBytes, fault == nil else { return }
    guard foldingPause == 0 else {
      foldingPause -= 1
      return
    }
    // Where even this has no room, the log stays as it is and calls are answered *storage low*.
    if (try? store.connection.checkpoint(.truncate)) == nil { foldingPause = Self.foldingPause }
    disk.look(logBytes: FileSystem.size(logPath) ?? 0)
  }

  func beginBackup(to path: String, completion: @escaping @Sendable (Result<Void, Problem>) -> Void) {
    guard backup == nil else {
      return completion(.failure(Problem(.conflict, "A backup is running. Wait until it is done.")))
    }
    do {
      backup = RunningBackup(job: try Backup(of: store.connection, to: path), completion: completion)
    } catch {
      completion(.failure(Problem(.storageFailed, "The backup could not begin: \(error)")))
    }
  }

  func continueWork() -> Bool {
    guard let running = backup else { return false }
    do {
      guard try running.job.step(pages: Self.backupPages).isFinished else { return true }
      backup = nil
      running.completion(.success(()))
    } catch {
      backup = nil
      running.completion(.failure(Problem(.storageFailed, "The backup failed: \(error)")))
    }
    return false
  }

  func close() {
    endBackup()
    try? store.close()
  }

  func abandon() {
    endBackup()
    store.connection.abandonLog()
  }

  private func endBackup() {
    guard let running = backup else { return }
    backup = nil
    running.completion(.failure(Problem(.shuttingDown, "The server is stopping; there is no backup.")))
  }
}
