/// Wraps the store's two secrets, the seed of the device's key and the secret of its session, so that they are not in
/// the file as they are. The layer above brings it; without one they are.
public protocol StoreVault {
  /// What is written instead of a secret of 32 bytes: at most 4 KiB, and no less than needed to tell it from another.
  ///
  /// - Throws: ``ExamStoreError/Code/secretsLocked`` if the vault cannot be used now; nothing is written then.
  func wrap(_ secret: [UInt8]) throws(ExamStoreError) -> [UInt8]

  /// The secret; `nil` if these bytes are not what this vault made, which counts as damage of the file.
  ///
  /// - Throws: ``ExamStoreError/Code/secretsLocked`` if the vault cannot be used now. The store is left as it is then.
  func unwrap(_ wrapped: [UInt8]) throws(ExamStoreError) -> [UInt8]?
}

extension ExamStoreError {
  static let secretsLocked = ExamStoreError(
    .secretsLocked,
    "The keys of this store are kept by the device's own key store, which was not given or is locked. Unlock the "
      + "device and open the app again; nothing was changed.")
}
