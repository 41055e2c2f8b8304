import ExamModel
import SQLite
public import SyncProtocol

/// Who this device is, and to whom it belongs.
public struct DeviceIdentity: Sendable {
  /// Signs log-ins and seals. Its id is in the genesis of every journal.
  public var signingKey: SigningKey
  /// The Ed25519 key of the server, pinned at the first contact; `nil` before it.
  public var serverKey: [UInt8]?
  /// The name that the candidate logged in with; empty before the first log-in.
  public var user: String
  /// The last session and certificate; `nil` before the first log-in.
  public var grant: SessionGrant?
}

extension ExamStore {
  /// The device's identity; `nil` in a store that has none yet.
  public var identity: DeviceIdentity? { device }

  /// Makes the device's key, once. A second call gives the key that is there.
  public func makeIdentity() throws(ExamStoreError) -> DeviceIdentity {
    if let device { return device }
    var seed: [UInt8] = []
    for _ in 0..<4 { seed.appendBigEndian(randomness.next()) }
    guard let key = SigningKey(seed: seed) else { throw .badArgument("The randomness gave no usable key. Try again.") }
    let identity = DeviceIdentity(signingKey: key, serverKey: nil, user: "", grant: nil)
    try keep(identity)
    return identity
  }

  /// Pins the server's identity key.
  ///
  /// Another key than the pinned one is ``ExamStoreError/Code/serverKeyDiffers``, unless `replaces` says that a
  /// rotation signed by the old key was checked.
  public func pinServerKey(_ key: [UInt8], replaces: Bool = false) throws(ExamStoreError) {
    guard key.count == 32 else { throw .badArgument("A server key has 32 bytes, this one has \(key.count).") }
    var identity = try makeIdentity()
    if identity.serverKey == key { return }
    guard identity.serverKey == nil || replaces else {
      throw ExamStoreError(
        .serverKeyDiffers,
        "This server is not the one that this device knows. Check the server card; nothing was changed.")
    }
    identity.serverKey = key
    try keep(identity)
  }

  /// Keeps a verified session grant. A store belongs to one candidate: another one's grant is refused as
  /// ``ExamStoreError/Code/foreignStore``.
  public func storeGrant(_ grant: SessionGrant, user: String) throws(ExamStoreError) {
    var identity = try makeIdentity()
    if let known = identity.grant, known.candidate != grant.candidate {
      throw ExamStoreError(
        .foreignStore,
        "This store belongs to another candidate. Log in as that candidate, or choose another folder.")
    }
    identity.grant = grant
    identity.user = user
    try keep(identity)
  }

  private func keep(_ identity: DeviceIdentity) throws(ExamStoreError) {
    let row = try DeviceRow(identity, vault: setup.vault)
    try transact { () throws(SQLiteError) in try DeviceTable(connection: connection).write(row) }
    device = identity
  }

  /// A store that was made without a vault and is opened with one: its secrets are wrapped, and what held them as they
  /// were is overwritten (`secure_delete`), in the WAL too.
  func wrapSecrets() throws(ExamStoreError) {
    guard setup.vault != nil, let device, try DeviceTable(connection: connection).wrapped().isEmpty else { return }
    try keep(device)
    do throws(SQLiteError) { try connection.checkpoint(.truncate) } catch { throw failed(error) }
  }
}
