import Crypto
public import ExamModel

/// A session's secret, kept as a key and as an HMAC that has taken the key in, so that no request has to.
public struct SessionSecret: Sendable {
  let key: SymmetricKey
  let keyed: HMAC<SHA256>

  /// `nil` unless there are 32 bytes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    key = SymmetricKey(data: bytes)
    keyed = HMAC<SHA256>(key: key)
  }

  public var bytes: [UInt8] { key.withUnsafeBytes { Array($0) } }
}

/// A 16-byte truncated HMAC-SHA-256.
public typealias MAC = ID128

/// The MACs of requests and responses. Both sides compute them over the bytes as sent.
public enum MessageAuthentication {
  /// `HMAC-SHA-256(secret, "examsync request v1" ‖ u32 len ‖ method ‖ u32 len ‖ path with query ‖ u64 sent_at ‖
  /// SHA-256(body as sent))`, first 16 bytes.
  ///
  /// - Parameter sentAt: the device's estimate of server time in milliseconds since 1970; 0 for none.
  public static func request(
    secret: SessionSecret, method: String, path: String, sentAt: UInt64, body: UnsafeRawBufferPointer
  ) -> MAC {
    var bytes = [UInt8]()
    bytes.reserveCapacity(128)
    bytes += "examsync request v1".utf8
    bytes.appendLengthPrefixed(Array(method.utf8))
    bytes.appendLengthPrefixed(Array(path.utf8))
    bytes.appendBigEndian(sentAt)
    Hash.sha256(body).append(to: &bytes)
    return mac(bytes, secret)
  }

  /// The same over an array of bytes.
  public static func request(
    secret: SessionSecret, method: String, path: String, sentAt: UInt64, body: [UInt8]
  ) -> MAC {
    body.withUnsafeBytes { request(secret: secret, method: method, path: path, sentAt: sentAt, body: $0) }
  }

  /// `HMAC-SHA-256(secret, "examsync response v1" ‖ request MAC ‖ u32 status ‖ SHA-256(body as sent))`, first 16
  /// bytes.
  public static func response(secret: SessionSecret, requestMAC: MAC, status: Int, body: [UInt8]) -> MAC {
    var bytes = [UInt8]()
    bytes.reserveCapacity(96)
    bytes += "examsync response v1".utf8
    bytes.appendBigEndian(requestMAC.high)
    bytes.appendBigEndian(requestMAC.low)
    bytes.appendBigEndian(UInt32(clamping: status))
    Hash.sha256(body).append(to: &bytes)
    return mac(bytes, secret)
  }

  /// Proof that the server named this instant: 8 bytes over its time.
  public static func timeProof(secret: SessionSecret, milliseconds: Int64) -> [UInt8] {
    var bytes = Array("examsync time v1".utf8)
    bytes.appendBigEndian(milliseconds)
    return Array(mac(bytes, secret).bytes.prefix(8))
  }

  /// The MAC of a server's unlock: over the attempt, the lock's number and a nonce. 16 bytes.
  public static func unlock(secret: SessionSecret, attempt: ID128, number: UInt32, nonce: ID128) -> [UInt8] {
    var bytes = Array("examsync unlock v1".utf8)
    bytes += attempt.bytes
    bytes.appendBigEndian(number)
    bytes += nonce.bytes
    return mac(bytes, secret).bytes
  }

  /// The 8-digit code that opens one lock, derived from the server's secret so that nothing needs to be stored.
  public static func unlockCode(secret: SessionSecret, attempt: ID128, number: UInt32) -> String {
    var bytes = Array("examsync unlock code v1".utf8)
    bytes += attempt.bytes
    bytes.appendBigEndian(number)
    let value = mac(bytes, secret).high % 100_000_000
    let digits = String(value)
    return String(repeating: "0", count: Limits.unlockCodeDigits - digits.count) + digits
  }

  private static func mac(_ bytes: [UInt8], _ secret: SessionSecret) -> MAC {
    var hmac = secret.keyed
    hmac.update(data: bytes)
    return hmac.finalize().withUnsafeBytes { code in
      MAC(
        high: UInt64(bigEndian: code.loadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: code.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }
}

extension MAC {
  /// Compares without an early exit.
  public func isEqualInConstantTime(to other: MAC) -> Bool {
    (high ^ other.high) | (low ^ other.low) == 0
  }
}
