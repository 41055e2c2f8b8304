import ExamModel
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import ServerCore
import ServerStoreSQLite
import SyncProtocol

/// An open data directory: the lock, the identity, and the writer with its store. Both the server and a command that
/// works while no server runs stand on one.
final class ServerBackend: Sendable {
  let directory: DataDirectory
  let identity: SigningKey
  let settings: ServerSettings
  let clock: ServerClock
  let writer: GroupCommitWriter
  let sessions: SessionTable
  let operators: OperatorTable
  let blobs: BlobStore
  let disk: DiskWatch
  let metrics: ServerMetrics
  let lock: DirectoryLock
  /// What was verified because the last run had not ended as it should.
  let verified: VerifiedChains?
  /// - Parameters:
  ///   - loops: where replies are delivered; none for a command.
  ///   - onFault: called once, when the store can no longer be trusted.
  init(
    directory: DataDirectory, options: ServerOptions, loops: [LoopState] = [],
    onFault: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    self.directory = directory
    guard directory.isInitialized else {
      throw StorageError("\(directory.path) holds no server. Make one with exam-server init --data \(directory.path).")
    }
    lock = try DirectoryLock(directory)
    let identity = try directory.identity()
    self.identity = identity
    settings = try directory.settings()
    let clock = options.clock
    self.clock = clock
    for folder in [directory.blobs, directory.backups] { try FileSystem.makeDirectory(folder) }
    blobs = BlobStore(directory: directory.blobs)
    let metrics = ServerMetrics()
    self.metrics = metrics
    var configuration = options.configuration
    let disk = DiskWatch(
      directory: directory.path, reservePath: directory.reserve, lowBytes: configuration.storage.lowBytes,
      reserveBytes: configuration.storage.reserveBytes)
    self.disk = disk
    configuration.storage.availableBytes = { disk.availableBytes }
    writer = GroupCommitWriter(
      limits: options.limits, loops: loops.map(\.eventLoop), clock: clock,
      events: GroupCommitWriter.Events(
        deliver: { loop, replies, changed in loops[loop].deliver(replies, changed: changed) },
        committed: { metrics.countCommit(calls: $0, nanoseconds: $1) }, failed: onFault))
    let tables = NIOLockedValueBox<(SessionTable, OperatorTable, VerifiedChains?)?>(nil)
    let path = directory.store
    let verifies = lock.wasLeftBehind
    do {
      try writer.start { [configuration] in
        let engine = try StoreEngine(
          path: path, identity: identity, configuration: configuration, disk: disk, verifies: verifies, now: clock.now)
        tables.withLockedValue { $0 = (engine.sessions, engine.operators, engine.verified) }
        return engine
      }
    } catch {
      guard let failure = error as? StoreError else { throw error }
      throw CommandError(failure.kind == .fault ? .damaged : .unreachable, failure.message)
    }
    guard let (sessions, operators, verified) = tables.withLockedValue({ $0 }) else {
      throw StorageError("The store did not open.")
    }
    self.sessions = sessions
    self.operators = operators
    self.verified = verified
  }

  func operatorService(metrics text: @escaping @Sendable () -> String) -> OperatorService {
    OperatorService(
      writer: writer, operators: operators, sessions: sessions, identity: identity, blobs: blobs, clock: clock,
      address: settings.address, backups: directory.backups, metrics: text)
  }

  /// Works off what waits, checkpoints, closes the store and gives the directory free.
  func close() async {
    await withCheckedContinuation { continuation in
      Thread {
        self.writer.stop()
        continuation.resume()
      }.start()
    }
    lock.release(isSound: !writer.hasFailed)
  }
}

/// The operator plane inside a command, for when no server runs.
public final class LocalOperator: Sendable {
  private let backend: ServerBackend
  public let service: OperatorService

  public init(directory: DataDirectory) throws {
    let backend = try ServerBackend(directory: directory, options: ServerOptions())
    self.backend = backend
    service = backend.operatorService { backend.metrics.text(gauges: []) }
  }

  public func close() async { await backend.close() }
}

/// What `init` made, shown once.
public struct NewServer: Codable, Sendable {
  public var address: String
  /// The server's Ed25519 public key in hexadecimal: what clients pin.
  public var identityKey: String
  public var fingerprint: String
  /// The first operator's token. The store keeps only its hash.
  public var token: String
}

extension DataDirectory {
  /// Makes a server: folder, identity, store, and the first operator.
  public func makeServer(address: String, minimumAppVersion: String? = nil) async throws -> NewServer {
    var settings = ServerSettings()
    settings.address = address
    let adminToken = try initialize(settings: settings)
    let backend = try ServerBackend(directory: self, options: ServerOptions())
    let token = OperatorToken.make()
    let maker = OperatorIdentity(name: "init", role: .operator)
    var failure: Problem?
    for (name, token) in [("operator", token), ("local", adminToken)] {
      let reply = await backend.writer.perform(
        .command(
          .addOperator(name: name, role: OperatorIdentity.Role.operator.rawValue, tokenHash: OperatorToken.hash(token)),
          by: maker))
      if case .problem(let problem) = reply { failure = problem }
    }
    await backend.close()
    if let failure { throw failure }
    let key = backend.identity.publicKey
    return NewServer(
      address: address, identityKey: Hex.encode(key), fingerprint: Fingerprint.of(key), token: token)
  }
}
