import ExamModel
import SQLite
public import SyncProtocol
import SyncWire

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
    try transact { () throws(SQLiteError) in try DeviceTable(connection: connection).write(identity) }
    device = identity
  }
}

/// The device's row, and a second copy of its seed on another page: without the seed no journal can go on.
struct DeviceTable {
  let connection: Connection
  static let seedCopy = "device.seed"

  func write(_ identity: DeviceIdentity) throws(SQLiteError) {
    let seed = identity.signingKey.seed
    let sql = """
      INSERT OR REPLACE INTO device(id, seed, server_key, user, session_grant) VALUES (1, ?1, ?2, ?3, ?4)
      """
    try connection.run(sql) { (statement) throws(SQLiteError) in
      try statement.bind(seed, at: 1)
      try statement.bind(identity.serverKey, at: 2)
      try statement.bind(identity.user, at: 3)
      try statement.bind(identity.grant?.wire, at: 4)
    }
    try SettingTable(connection: connection).set(Self.seedCopy, to: seed + Hash.sha256(seed).bytes)
  }

  /// Throws ``ExamStoreError/Code/damaged`` unless both copies agree.
  func read() throws(ExamStoreError) -> DeviceIdentity? {
    var identity: DeviceIdentity?
    try connection.forEachRow("SELECT seed, server_key, user, session_grant FROM device") {
      (row) throws(ExamStoreError) in
      guard let key = SigningKey(seed: row.blob(at: 0)) else { throw .damaged("the device's key is unreadable") }
      let grant = row.optionalBlob(at: 3)
      let decoded = grant.flatMap { try? SessionGrant(wire: $0) }
      guard grant == nil || decoded != nil else { throw .damaged("the session is unreadable") }
      identity = DeviceIdentity(
        signingKey: key, serverKey: row.optionalBlob(at: 1), user: row.text(at: 2), grant: decoded)
    }
    let copy = try copiedSeed()
    guard identity?.signingKey.seed == copy else { throw .damaged("the device's key was changed") }
    return identity
  }

  /// The second copy, if its digest fits.
  func copiedSeed() throws(ExamStoreError) -> [UInt8]? {
    guard let copy = try SettingTable(connection: connection).value(of: Self.seedCopy) else { return nil }
    guard copy.count == 64, Hash.sha256(Array(copy[..<32])).bytes == Array(copy[32...]) else {
      throw .damaged("the copy of the device's key was changed")
    }
    return Array(copy[..<32])
  }
}
