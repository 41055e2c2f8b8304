import ExamModel
import ServerCore
import SyncProtocol

/// What every connection of the device plane shares.
final class DeviceServices: Sendable {
  let limits: DevicePlaneLimits
  let clock: ServerClock
  let writer: GroupCommitWriter
  let polls = PollRegistry()
  /// A live session; asked from every loop at once.
  let session: @Sendable (ID128) -> SessionEntry?
  let identityKey: [UInt8]
  let minimumAppVersion: String
  let blobs: BlobReader
  let passwords: PasswordWorkers
  let logins: LoginThrottle
  let throttle: DeviceThrottle
  let census: ConnectionCensus
  let metrics: ServerMetrics
  let offersNothing: Bool
  let offersJSON: Bool
  let isBehindProxy: Bool

  init(
    limits: DevicePlaneLimits, clock: ServerClock, writer: GroupCommitWriter,
    session: @escaping @Sendable (ID128) -> SessionEntry?, identityKey: [UInt8], minimumAppVersion: String,
    blobs: BlobReader, metrics: ServerMetrics, offersNothing: Bool,
    offersJSON: Bool, isBehindProxy: Bool
  ) {
    self.limits = limits
    self.clock = clock
    self.writer = writer
    self.session = session
    self.identityKey = identityKey
    self.minimumAppVersion = minimumAppVersion
    self.blobs = blobs
    self.metrics = metrics
    self.offersNothing = offersNothing
    self.offersJSON = offersJSON
    self.isBehindProxy = isBehindProxy
    passwords = PasswordWorkers(threads: limits.passwordThreads, queue: limits.queuedPasswords)
    logins = LoginThrottle(triesPerMinute: limits.loginTries)
    throttle = DeviceThrottle(limits)
    census = ConnectionCensus(total: limits.connections, perAddress: limits.connectionsPerAddress)
  }
}
