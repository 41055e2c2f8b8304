import ExamModel
import ExamStore
import Foundation
import SyncProtocol
import Synchronization
import Testing

@testable import ExamClient

/// Stands for a system's key store: it keeps the secrets, and gives back the names of its items.
private final class KeyStoreStandIn: SecretVault {
  struct Locked: Error {}

  private let items = Mutex<[[UInt8]: [UInt8]]>([:])
  let isLocked = Mutex(false)

  func wrap(_ secret: [UInt8]) throws -> [UInt8] {
    if isLocked.withLock(\.self) { throw Locked() }
    return items.withLock { items in
      let name = Array("item \(items.count + 1)".utf8)
      items[name] = secret
      return name
    }
  }

  func unwrap(_ wrapped: [UInt8]) throws -> [UInt8]? {
    if isLocked.withLock(\.self) { throw Locked() }
    return items.withLock { $0[wrapped] }
  }
}

@Suite(.timeLimit(.minutes(10))) struct SecretVaultTests {
  @Test func anAppsVaultTakesTheSecretsOutOfAStoreThatExists() async throws {
    let phone = try TestPhone()
    let vault = KeyStoreStandIn()
    var configuration = phone.client.configuration
    configuration.secretVault = vault
    try await phone.started()
    let secrets = await phone.client.secretsInMemory
    #expect(secrets.count == 2)
    await phone.client.close()
    #expect(try exposed(secrets, in: phone.folder) == 2)
    let client = try ExamClient(configuration)
    try await client.open()
    #expect(try exposed(secrets, in: phone.folder) == 0)
    try await client.answer("q1", .options(["A"]))
    #expect(await client.secretsInMemory == secrets)
    await client.close()
    #expect(try exposed(secrets, in: phone.folder) == 0)
    // Locked, or without the vault, nothing is opened and nothing is set aside.
    vault.isLocked.withLock { $0 = true }
    for other in [client, phone.client] {
      let error = await refusal { try await other.open() }
      #expect(error?.code == .storageFailed)
      #expect(error?.message.contains("nothing was changed") == true)
    }
    vault.isLocked.withLock { $0 = false }
    try await client.open()
    #expect(await client.status.counts.saved == 1)
    await client.close()
  }

  private func exposed(_ secrets: [[UInt8]], in folder: String) throws -> Int {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    let files = try names.map { try Data(contentsOf: URL(fileURLWithPath: folder + "/" + $0)) }
    return secrets.count { secret in files.contains { $0.range(of: Data(secret)) != nil } }
  }
}

extension ExamClient {
  var secretsInMemory: [[UInt8]] {
    guard let identity = store?.identity, let grant = identity.grant else { return [] }
    return [identity.signingKey.seed, grant.secret]
  }
}
