import Crypto
public import ExamModel

/// What an Ed25519 signature is for. Every signature covers its context, so none can stand for another.
public enum SignatureContext: String, Sendable {
  case login = "examsync login v1"
  case session = "examsync session v1"
  case grant = "examsync grant v1"
  case certificate = "examsync certificate v1"
  case seal = "examsync seal v1"
  case root = "examsync root v1"
  case rotation = "examsync rotation v1"
}

/// An Ed25519 key pair: of a device or of a server.
public struct SigningKey: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  /// A fresh key from the system's randomness.
  public init() {
    key = Curve25519.Signing.PrivateKey()
  }

  /// The key with this 32-byte seed; `nil` for any other count.
  public init?(seed: [UInt8]) {
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else { return nil }
    self.key = key
  }

  /// 32 secret bytes, to be stored where only the owner reads.
  public var seed: [UInt8] { Array(key.rawRepresentation) }
  public var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }
  public var id: ID128 { KeyID.of(publicKey) }

  /// 64 bytes over the context and the message.
  public func sign(_ message: [UInt8], context: SignatureContext) -> [UInt8] {
    // Signing fails only when the system has no memory left, where nothing else would go on either.
    guard let signature = try? key.signature(for: Array(context.rawValue.utf8) + message) else {
      preconditionFailure("Ed25519 could not sign")
    }
    return Array(signature)
  }
}

/// Checks of Ed25519 signatures.
public enum Signatures {
  /// Whether the signature is the key's over the context and the message; `false` for bytes that are no key.
  public static func verify(
    _ signature: [UInt8], of message: [UInt8], context: SignatureContext, publicKey: [UInt8]
  ) -> Bool {
    guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return false }
    return key.isValidSignature(signature, for: Array(context.rawValue.utf8) + message)
  }
}
