import ExamModel
import SQLite
import SyncProtocol
import SyncWire

/// What stands in the file of the device's identity. Without a vault that is the seed, with a second copy on another
/// page, because without the seed no journal can go on. With a vault both are the wrapped seed, the public key stands
/// in the seed's place, and the session's secret is wrapped too.
struct DeviceRow {
  var seed: [UInt8]
  var copy: [UInt8]
  var serverKey: [UInt8]?
  var user: String
  var grant: SessionGrant?
  /// By name; empty without a vault.
  var wrapped: [(name: String, bytes: [UInt8])] = []

  init(_ identity: DeviceIdentity, vault: (any StoreVault)?) throws(ExamStoreError) {
    seed = identity.signingKey.seed
    copy = seed
    serverKey = identity.serverKey
    user = identity.user
    grant = identity.grant
    guard let vault else { return }
    copy = try vault.wrap(seed)
    seed = identity.signingKey.publicKey
    wrapped = [(DeviceTable.wrappedSeed, copy)]
    guard let secret = grant?.secret else { return }
    wrapped.append((DeviceTable.wrappedSession, try vault.wrap(secret)))
    grant?.secret = [UInt8](repeating: 0, count: secret.count)
  }
}

/// Reading and writing the device's row.
struct DeviceTable {
  let connection: Connection
  var vault: (any StoreVault)?
  /// The names of the copies: another one with a vault, so that neither is ever taken for the other.
  static let seedCopy = "device.seed"
  static let wrappedCopy = "device.seed.wrapped"
  static let wrappedSeed = "seed"
  static let wrappedSession = "session"

  func write(_ row: DeviceRow) throws(SQLiteError) {
    let sql = """
      INSERT OR REPLACE INTO device(id, seed, server_key, user, session_grant) VALUES (1, ?1, ?2, ?3, ?4)
      """
    try connection.run(sql) { (statement) throws(SQLiteError) in
      try statement.bind(row.seed, at: 1)
      try statement.bind(row.serverKey, at: 2)
      try statement.bind(row.user, at: 3)
      try statement.bind(row.grant?.wire, at: 4)
    }
    let settings = SettingTable(connection: connection)
    let isWrapped = !row.wrapped.isEmpty
    try settings.set(isWrapped ? Self.wrappedCopy : Self.seedCopy, to: row.copy + Hash.sha256(row.copy).bytes)
    try settings.set(isWrapped ? Self.seedCopy : Self.wrappedCopy, to: nil)
    try connection.run("DELETE FROM secret")
    for (name, bytes) in row.wrapped {
      try connection.run("INSERT INTO secret(name, wrapped) VALUES (?1, ?2)") { (statement) throws(SQLiteError) in
        try statement.bind(name, at: 1)
        try statement.bind(bytes, at: 2)
      }
    }
  }

  /// Throws ``ExamStoreError/Code/damaged`` unless both copies agree.
  func read() throws(ExamStoreError) -> DeviceIdentity? {
    let wrapped = try wrapped()
    var found: (seed: [UInt8], serverKey: [UInt8]?, user: String, grant: [UInt8]?)?
    try connection.forEachRow("SELECT seed, server_key, user, session_grant FROM device") {
      (row) throws(ExamStoreError) in
      found = (row.blob(at: 0), row.optionalBlob(at: 1), row.text(at: 2), row.optionalBlob(at: 3))
    }
    guard let found else {
      guard try copiedSeed() == nil else { throw .damaged("the device's key was deleted") }
      return nil
    }
    var seed = found.seed
    if !wrapped.isEmpty {
      guard let unwrapped = try unwrap(wrapped[Self.wrappedSeed]) else {
        throw .damaged("the device's key is unreadable")
      }
      seed = unwrapped
    }
    guard let key = SigningKey(seed: seed), wrapped.isEmpty || key.publicKey == found.seed else {
      throw .damaged("the device's key is unreadable")
    }
    guard try copiedSeed() == seed else { throw .damaged("the device's key was changed") }
    var grant: SessionGrant?
    if let wire = found.grant {
      grant = try? SessionGrant(wire: wire)
      if !wrapped.isEmpty, let secret = try unwrap(wrapped[Self.wrappedSession]) { grant?.secret = secret }
      guard grant != nil else { throw .damaged("the session is unreadable") }
    }
    return DeviceIdentity(signingKey: key, serverKey: found.serverKey, user: found.user, grant: grant)
  }

  /// The second copy, if its digest fits.
  func copiedSeed() throws(ExamStoreError) -> [UInt8]? {
    let settings = SettingTable(connection: connection)
    if let plain = try settings.value(of: Self.seedCopy) {
      guard let seed = Self.checked(plain) else { throw .damaged("the copy of the device's key was changed") }
      return seed
    }
    guard let wrapped = try settings.value(of: Self.wrappedCopy) else { return nil }
    guard let seed = try unwrap(Self.checked(wrapped)) else {
      throw .damaged("the copy of the device's key was changed")
    }
    return seed
  }

  /// Every seed that can be read at all; for salvage. Throws only where the vault cannot be used: what it could still
  /// tell must not be given up.
  func readableSeeds() throws(ExamStoreError) -> [[UInt8]] {
    var seeds: [[UInt8]] = []
    do throws(ExamStoreError) {
      if let copy = try copiedSeed() { seeds.append(copy) }
    } catch { if error.code == .secretsLocked || error.isUnread { throw error } }
    var wrapped: [String: [UInt8]] = [:]
    do throws(ExamStoreError) { wrapped = try self.wrapped() } catch { if error.isUnread { throw error } }
    if let seed = try unwrap(wrapped[Self.wrappedSeed]) { seeds.append(seed) }
    guard wrapped.isEmpty, (try? SettingTable(connection: connection).value(of: Self.wrappedCopy)) == nil else {
      return seeds
    }
    do throws(ExamStoreError) {
      try connection.forEachRow("SELECT seed FROM device") { (row) throws(ExamStoreError) in
        seeds.append(row.blob(at: 0))
      }
    } catch { if error.isUnread { throw error } }
    return seeds
  }

  /// The wrapped secrets by name; none in a store without a vault.
  func wrapped() throws(ExamStoreError) -> [String: [UInt8]] {
    var wrapped: [String: [UInt8]] = [:]
    try connection.forEachRow("SELECT name, wrapped FROM secret") { (row) throws(ExamStoreError) in
      wrapped[row.text(at: 0)] = row.blob(at: 1)
    }
    return wrapped
  }

  /// The secret of a grant that was read without ``read()``.
  func sessionSecret() throws(ExamStoreError) -> [UInt8]? { try unwrap(try wrapped()[Self.wrappedSession]) }

  private func unwrap(_ wrapped: [UInt8]?) throws(ExamStoreError) -> [UInt8]? {
    guard let wrapped else { return nil }
    guard let vault else { throw .secretsLocked }
    return try vault.unwrap(wrapped).flatMap { $0.count == 32 ? $0 : nil }
  }

  private static func checked(_ copy: [UInt8]) -> [UInt8]? {
    guard copy.count > 32, Hash.sha256(Array(copy[..<(copy.count - 32)])).bytes == Array(copy[(copy.count - 32)...])
    else { return nil }
    return Array(copy[..<(copy.count - 32)])
  }
}
