/// What the engine needs to know before it can open.
public struct ExamClientConfiguration: Sendable {
  /// A folder of the app's own, one for each candidate. It is made if it is not there.
  public var storeFolder: String
  /// Such as `https://exam.example`; from the server card.
  public var serverURL: String
  /// The server's Ed25519 public key from the server card, 32 bytes. Nothing that it did not vouch for is believed.
  public var serverKey: [UInt8]
  /// `false` lets only ``ExamClient/sendChanges()`` and ``ExamClient/fetchChanges()`` use the network: for tests and
  /// scripts.
  public var automaticallySync: Bool
  /// The app's own version, such as `3.4.2` (S3-02).
  public var appVersion: String
  public var clock: any DeviceClock
  /// PEM file with the only certificate authorities to trust; `nil` for the system's.
  public var certificateAuthorityFile: String?
  /// How long the entries of an attempt stay on the device after its receipt, in milliseconds; 30 days unless told
  /// otherwise. A server that is restored from a backup can be refilled for as long. Receipts stay for good.
  public var retentionMilliseconds: Int64
  /// Wraps the device's secrets in the store; `nil` leaves them as they are. A store that was made without one is
  /// wrapped when it is opened with one; one that was made with one opens with it only.
  public var secretVault: (any SecretVault)?

  public init(
    storeFolder: String, serverURL: String, serverKey: [UInt8], automaticallySync: Bool = true, appVersion: String,
    clock: any DeviceClock = SystemDeviceClock(), certificateAuthorityFile: String? = nil,
    retentionMilliseconds: Int64 = 30 * 86_400_000, secretVault: (any SecretVault)? = nil
  ) {
    self.storeFolder = storeFolder
    self.serverURL = serverURL
    self.serverKey = serverKey
    self.automaticallySync = automaticallySync
    self.appVersion = appVersion
    self.clock = clock
    self.certificateAuthorityFile = certificateAuthorityFile
    self.retentionMilliseconds = retentionMilliseconds
    self.secretVault = secretVault
  }
}
