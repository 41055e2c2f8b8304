import ExamModel
import Foundation
public import Logging
import NIOCore
import NIOPosix
import ServerCore
import ServerStoreSQLite
import SyncProtocol
import Synchronization

/// A running server: device plane, operator plane, writer.
public final class ExamServerApplication: Sendable {
  public let devicePort: Int
  public let operatorPort: Int
  /// SHA-256 of the identity key, in hexadecimal.
  public let fingerprint: String
  /// The operator plane without its transport.
  public let operatorService: OperatorService
  /// Gives one text and ends when the store can no longer be trusted. Nothing is acknowledged from then on: stop the
  /// application and end the process, and a new one verifies the store.
  public let faults: AsyncStream<String>

  private let backend: ServerBackend
  private let services: DeviceServices
  private let listener: DeviceListener
  private let plane: OperatorPlane
  private let group: MultiThreadedEventLoopGroup
  private let options: ServerOptions
  private let logger: Logger
  private let isStopping = Atomic<Bool>(false)

  /// Opens the data directory and begins to listen.
  public static func start(
    directory: DataDirectory, options: ServerOptions, logger: Logger
  ) async throws -> ExamServerApplication {
    try options.validate()
    var options = options
    options.limits.keepBelow(descriptors: raiseFileLimit())
    let group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoops)
    let loops = group.makeIterator().enumerated().map { LoopState(index: $0.offset, eventLoop: $0.element) }
    let (faults, faultSink) = AsyncStream.makeStream(of: String.self)
    let backend: ServerBackend
    do {
      backend = try ServerBackend(directory: directory, options: options, loops: loops) { fault in
        logger.critical("the store failed, nothing is acknowledged any more: \(fault)")
        faultSink.yield(fault)
        faultSink.finish()
      }
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
    if let verified = backend.verified {
      logger.notice(
        "the last run did not end as it should; the store is sound",
        metadata: ["journals": "\(verified.journals)", "entries": "\(verified.entries)"])
    }
    let services = makeServices(backend, options)
    let service = backend.operatorService { gauges(services, backend) }
    do {
      let listener = try await DeviceListener(
        services: services, group: group, loops: loops, host: options.host, port: options.port)
      let plane = try await OperatorPlane(
        service: service, host: options.operatorHost, port: options.operatorPort, limits: options.operatorLimits,
        drainMilliseconds: options.drainMilliseconds, logger: logger)
      try backend.lock.record(address: "\(options.operatorHost):\(plane.port)")
      return ExamServerApplication(
        backend: backend, services: services, service: service, listener: listener, plane: plane, group: group,
        options: options, faults: faults, logger: logger)
    } catch {
      await backend.close()
      try? await group.shutdownGracefully()
      throw error
    }
  }

  private init(
    backend: ServerBackend, services: DeviceServices, service: OperatorService, listener: DeviceListener,
    plane: OperatorPlane, group: MultiThreadedEventLoopGroup, options: ServerOptions, faults: AsyncStream<String>,
    logger: Logger
  ) {
    self.backend = backend
    self.services = services
    self.listener = listener
    self.plane = plane
    self.group = group
    self.options = options
    self.faults = faults
    self.logger = logger
    operatorService = service
    devicePort = listener.port
    operatorPort = plane.port
    fingerprint = Fingerprint.of(backend.identity.publicKey)
  }

  /// Stops accepting, answers held polls, finishes what is under way, commits, checkpoints, and gives the data
  /// directory free. Once stopped, it stays so: a second call does nothing.
  public func stop() async {
    guard !isStopping.exchange(true, ordering: .relaxed) else { return }
    logger.info("stopping")
    await listener.stopAccepting()
    await listener.drain(until: .now() + .milliseconds(options.drainMilliseconds))
    await plane.stop()
    await backend.close()
    services.passwords.stop()
    services.blobs.stop()
    operatorService.workers.stop()
    try? await group.shutdownGracefully()
    logger.info("stopped")
  }

  /// The store can no longer be trusted; see ``faults``.
  public var hasStoreFailed: Bool { backend.writer.hasFailed }

  /// Connections of the device plane that are open now.
  var connectionCount: Int { services.census.count }

  /// Long polls that are open now.
  var pollCount: Int { services.polls.count }

  private static func makeServices(_ backend: ServerBackend, _ options: ServerOptions) -> DeviceServices {
    let sessions = backend.sessions
    return DeviceServices(
      limits: options.limits, clock: options.clock, writer: backend.writer,
      session: { sessions.entry($0) }, identityKey: backend.identity.publicKey,
      minimumAppVersion: options.configuration.minimumAppVersion,
      blobs: BlobReader(
        store: backend.blobs, threads: options.limits.blobThreads, queue: options.limits.queuedBlobReads),
      metrics: backend.metrics, offersNothing: options.offersNothing, offersJSON: options.offersJSON,
      isBehindProxy: options.isBehindTLSProxy)
  }

  private static func gauges(_ services: DeviceServices, _ backend: ServerBackend) -> String {
    backend.metrics.text(gauges: [
      ("connections", "Open connections of the device plane.", services.census.count),
      ("polls", "Long polls under way.", services.polls.count),
      ("queued_calls", "Calls that wait for the writer.", services.writer.queuedCalls),
      ("sessions", "Live sessions.", backend.sessions.count),
      ("disk_available_bytes", "Room for answers.", Int(clamping: backend.disk.availableBytes)),
      ("disk_is_low", "1 while only seals are taken.", backend.disk.isLow ? 1 : 0),
    ])
  }

  /// Ten thousand polls are ten thousand descriptors: the soft limit goes up to the hard one.
  ///
  /// - Returns: how many descriptors the process may have now.
  private static func raiseFileLimit() -> Int {
    var limit = rlimit()
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let resource = RLIMIT_NOFILE
    #endif
    guard getrlimit(resource, &limit) == 0 else { return .max }
    if limit.rlim_cur < limit.rlim_max {
      let soft = limit.rlim_cur
      limit.rlim_cur = limit.rlim_max
      if setrlimit(resource, &limit) != 0 { limit.rlim_cur = soft }
    }
    return Int(clamping: limit.rlim_cur)
  }
}
