import ExamStore

/// Wraps the two secrets that lie in the store: the seed of the device's key, which signs hand-ins, and the secret of
/// its session. An app on iOS or Android gives one over the system's key store; on Linux there is none, and without one
/// the secrets lie in the store's file as they are, protected by its permissions only.
///
/// The engine calls it on its own thread, at opening and at each log-in or renewed session. Answers are not wrapped.
public protocol SecretVault: Sendable {
  /// What is kept on the disk instead of a secret of 32 bytes; at most 4 KiB. Encrypt with authentication, or keep the
  /// secret in the key store and give back the name of its item.
  ///
  /// - Throws: anything, if the key store cannot be used now: the engine opens nothing and changes nothing then.
  func wrap(_ secret: [UInt8]) throws -> [UInt8]

  /// The secret; `nil` if these bytes are not what this vault made.
  ///
  /// - Throws: anything, if the key store cannot be used now.
  func unwrap(_ wrapped: [UInt8]) throws -> [UInt8]?
}

/// An app's vault in the words of the store.
struct VaultAdapter: StoreVault {
  let vault: any SecretVault

  func wrap(_ secret: [UInt8]) throws(ExamStoreError) -> [UInt8] {
    do { return try vault.wrap(secret) } catch { throw Self.locked(error) }
  }

  func unwrap(_ wrapped: [UInt8]) throws(ExamStoreError) -> [UInt8]? {
    do { return try vault.unwrap(wrapped) } catch { throw Self.locked(error) }
  }

  private static func locked(_ error: any Error) -> ExamStoreError {
    ExamStoreError(
      .secretsLocked,
      "The device's key store cannot be used now. Unlock the device and open the app again; nothing was changed.",
      underlying: error)
  }
}
