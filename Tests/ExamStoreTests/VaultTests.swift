import Crypto
import ExamModel
import ExamStore
import Foundation
import SyncProtocol
import Testing

/// A vault as a platform without a key store could have it: a key in a file of its own.
struct KeyFileVault: StoreVault {
  let keyPath: String
  var isLocked = false

  init(in folder: TemporaryFolder) throws {
    keyPath = folder.path + "/vault.key"
    try write(SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }, to: keyPath)
  }

  private func key() throws(ExamStoreError) -> SymmetricKey {
    guard !isLocked, let data = try? Data(contentsOf: URL(fileURLWithPath: keyPath)) else {
      throw ExamStoreError(.secretsLocked, "The test locked the vault.")
    }
    return SymmetricKey(data: data)
  }

  func wrap(_ secret: [UInt8]) throws(ExamStoreError) -> [UInt8] {
    let key = try key()
    guard let box = try? ChaChaPoly.seal(secret, using: key) else {
      throw ExamStoreError(.secretsLocked, "The secret could not be sealed.")
    }
    return Array(box.combined)
  }

  func unwrap(_ wrapped: [UInt8]) throws(ExamStoreError) -> [UInt8]? {
    let key = try key()
    guard let box = try? ChaChaPoly.SealedBox(combined: wrapped), let secret = try? ChaChaPoly.open(box, using: key)
    else { return nil }
    return Array(secret)
  }
}

@Suite struct VaultTests {
  private let keys: TemporaryFolder
  private let vault: KeyFileVault

  init() throws {
    keys = try TemporaryFolder()
    vault = try KeyFileVault(in: keys)
  }

  /// How many of the two secrets stand in any file beside the store.
  private func exposed(_ phone: Phone, _ identity: DeviceIdentity) throws -> Int {
    let secrets = [identity.signingKey.seed, try #require(identity.grant).secret]
    let files = try phone.folder.names.map { try Data(contentsOf: URL(fileURLWithPath: phone.folder.path + "/" + $0)) }
    return secrets.count { secret in files.contains { $0.range(of: Data(secret)) != nil } }
  }

  @Test func withoutAVaultTheSecretsLieInTheFile() throws {
    let phone = try Phone.answering()
    #expect(try exposed(phone, try #require(phone.store.identity)) == 2)
  }

  @Test func withAVaultNeitherSecretIsInAnyFile() throws {
    let phone = try Phone.answering(vault: vault)
    let identity = try #require(phone.store.identity)
    try phone.answer("q1", "A")
    #expect(try exposed(phone, identity) == 0)
    phone.store.close()
    #expect(try exposed(phone, identity) == 0)
    try phone.openAgain()
    #expect(phone.store.report.quarantine == nil)
    #expect(phone.store.identity?.signingKey.seed == identity.signingKey.seed)
    #expect(phone.store.identity?.grant == identity.grant)
    #expect(try phone.answers == ["q1": "A"])
    #expect(try exposed(phone, identity) == 0)
    // A renewed session is wrapped as well.
    var grant = try #require(identity.grant)
    grant.secret = [UInt8](repeating: 0x5A, count: 32)
    try phone.store.storeGrant(grant, user: "lin")
    try phone.restart()
    #expect(phone.store.identity?.grant?.secret == grant.secret)
    #expect(try exposed(phone, try #require(phone.store.identity)) == 0)
  }

  @Test func aStoreThatWasMadeWithoutOneIsWrappedWhenItIsOpened() throws {
    let phone = try Phone.answering()
    let identity = try #require(phone.store.identity)
    try phone.answer("q1", "A")
    phone.store.close()
    #expect(try exposed(phone, identity) == 2)
    phone.vault = vault
    for _ in 0..<2 {
      try phone.openAgain()
      #expect(try exposed(phone, identity) == 0)
      #expect(phone.store.report.quarantine == nil)
      #expect(phone.store.identity?.signingKey.seed == identity.signingKey.seed)
      #expect(phone.store.identity?.grant == identity.grant)
      phone.store.close()
      #expect(try exposed(phone, identity) == 0)
    }
    try phone.openAgain()
    #expect(try phone.answers == ["q1": "A"])
    try phone.answer("q2", "B")
  }

  @Test func aStoreOfTheFirstSchemaIsMigratedAndWrapped() throws {
    let phone = try Phone.answering()
    let identity = try #require(phone.store.identity)
    try phone.answer("q1", "A")
    phone.store.close()
    try edit(phone.path, "DROP TABLE secret")
    try edit(phone.path, "PRAGMA user_version = 1")
    phone.vault = vault
    try phone.openAgain()
    #expect(phone.store.report.quarantine == nil)
    #expect(try phone.answers == ["q1": "A"])
    #expect(try exposed(phone, identity) == 0)
  }

  @Test(arguments: [true, false])
  func aVaultThatIsMissingOrLockedChangesNothing(isMissing: Bool) throws {
    let phone = try Phone.answering(vault: vault)
    try phone.answer("q1", "A")
    phone.store.close()
    let before = phone.folder.names
    var locked = vault
    locked.isLocked = true
    phone.vault = isMissing ? nil : locked
    try refused(.secretsLocked) { try phone.openAgain() }
    #expect(phone.folder.names.filter { !before.contains($0) } == [])
    phone.vault = vault
    try phone.openAgain()
    #expect(phone.store.report.quarantine == nil)
    #expect(try phone.answers == ["q1": "A"])
  }

  @Test(arguments: [
    "UPDATE secret SET wrapped = x'00' WHERE name = 'seed'", "DELETE FROM secret WHERE name = 'seed'",
    "DELETE FROM secret", "DELETE FROM setting WHERE name = 'device.seed.wrapped'", "DELETE FROM device",
    "UPDATE setting SET value = x'0011' WHERE name = 'device.seed.wrapped'",
  ])
  func oneCopyOfTheWrappedSeedIsEnough(damage: String) throws {
    let phone = try Phone.answering(vault: vault)
    let seed = try #require(phone.store.identity).signingKey.seed
    try phone.answer("q1", "A")
    phone.store.close()
    try edit(phone.path, damage)
    var locked = vault
    locked.isLocked = true
    phone.vault = locked
    try refused(.secretsLocked) { try phone.openAgain() }
    #expect(!phone.folder.names.contains { $0.contains("quarantined") })
    phone.vault = vault
    try phone.openAgain()
    #expect(phone.store.report.quarantine != nil)
    #expect(phone.store.identity?.signingKey.seed == seed)
    #expect(try phone.answers == ["q1": "A"])
    let salvaged = try Data(contentsOf: URL(fileURLWithPath: phone.path))
    #expect(salvaged.range(of: Data(seed)) == nil)
  }
}
