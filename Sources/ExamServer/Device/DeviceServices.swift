import ExamModel
import SyncProtocol

/// What every connection of the device plane shares.
final class DeviceServices: Sendable {
  let limits: DevicePlaneLimits
  let clock: ServerClock
  let writer: GroupCommitWriter
  let polls = PollRegistry()
  /// The secret of a live session; asked from every loop at once.
  let secretOfSession: @Sendable (ID128) -> SessionSecret?
  let identityKey: [UInt8]
  let minimumAppVersion: String
  let blobs: BlobReader
  let passwords: PasswordWorkers
  let logins: LoginThrottle
  let census: ConnectionCensus
  let metrics: ServerMetrics
  let offersNothing: Bool
  let offersJSON: Bool
  let isBehindProxy: Bool

  init(
    limits: DevicePlaneLimits, clock: ServerClock, writer: GroupCommitWriter,
    secretOfSession: @escaping @Sendable (ID128) -> SessionSecret?, identityKey: [UInt8],
    minimumAppVersion: String, blobs: BlobReader, metrics: ServerMetrics, offersNothing: Bool,
    offersJSON: Bool, isBehindProxy: Bool
  ) {
    self.limits = limits
    self.clock = clock
    self.writer = writer
    self.secretOfSession = secretOfSession
    self.identityKey = identityKey
    self.minimumAppVersion = minimumAppVersion
    self.blobs = blobs
    self.metrics = metrics
    self.offersNothing = offersNothing
    self.offersJSON = offersJSON
    self.isBehindProxy = isBehindProxy
    passwords = PasswordWorkers(threads: limits.passwordThreads, queue: limits.queuedPasswords)
    logins = LoginThrottle(triesPerMinute: limits.loginTries)
    census = ConnectionCensus(total: limits.connections, perAddress: limits.connectionsPerAddress)
  }
}
