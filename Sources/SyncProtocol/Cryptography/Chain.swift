import Crypto
public import ExamModel

/// The hash chain of a journal.
///
/// `h(0) = SHA-256("examsync journal v1" ‖ journal ‖ subject ‖ device key id)`,
/// `h(n) = SHA-256(h(n−1) ‖ u64 n ‖ body)`. Bodies are hashed as they are and never re-encoded.
public enum Chain {
  /// The head of an empty journal, which binds it to its subject and device.
  public static func genesis(journal: ID128, subject: ID128, deviceKey: ID128) -> Digest256 {
    var bytes = Array("examsync journal v1".utf8)
    bytes += journal.bytes + subject.bytes + deviceKey.bytes
    return Hash.sha256(bytes)
  }

  /// The head after one more body.
  public static func next(_ head: Digest256, sequence: UInt64, body: [UInt8]) -> Digest256 {
    body.withUnsafeBytes { next(head, sequence: sequence, body: $0) }
  }

  /// The head after one more body, without a copy of it.
  public static func next(_ head: Digest256, sequence: UInt64, body: UnsafeRawBufferPointer) -> Digest256 {
    var hasher = SHA256()
    let words = head.words
    var prefix = (
      words[0].bigEndian, words[1].bigEndian, words[2].bigEndian, words[3].bigEndian, sequence.bigEndian
    )
    withUnsafeBytes(of: &prefix) { hasher.update(bufferPointer: $0) }
    hasher.update(bufferPointer: body)
    return Hash.digest(hasher.finalize())
  }
}

/// SHA-256 into the project's own value type.
public enum Hash {
  /// SHA-256 of bytes.
  public static func sha256(_ bytes: [UInt8]) -> Digest256 {
    digest(SHA256.hash(data: bytes))
  }

  /// SHA-256 of bytes, without a copy of them.
  public static func sha256(_ bytes: UnsafeRawBufferPointer) -> Digest256 {
    var hasher = SHA256()
    hasher.update(bufferPointer: bytes)
    return digest(hasher.finalize())
  }

  static func digest(_ value: SHA256Digest) -> Digest256 {
    value.withUnsafeBytes { bytes in
      var words = SIMD4<UInt64>.zero
      for index in 0..<4 {
        words[index] = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
      }
      return Digest256(words: words)
    }
  }
}

/// The first half of SHA-256 of an Ed25519 public key: how messages name a key.
public enum KeyID {
  /// The id of an Ed25519 public key of 32 bytes.
  public static func of(_ publicKey: [UInt8]) -> ID128 {
    let words = Hash.sha256(publicKey).words
    return ID128(high: words[0], low: words[1])
  }
}
