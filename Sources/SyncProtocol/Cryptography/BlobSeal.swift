import Crypto
public import ExamModel

/// The sealed form of everything that belongs to a paper.
///
/// ```
/// magic "EXB1" ‖ version 1 ‖ salt (32) ‖ chunks
/// ```
/// Each chunk is up to 64 KiB of plaintext sealed with ChaCha20-Poly1305 (RFC 8439) under HKDF-SHA-256 (RFC 5869)
/// of the paper key and the salt; the nonce is an 88-bit counter and a byte that is 1 in the last chunk only, so a
/// blob cannot be cut short or rearranged. An empty plaintext has one empty last chunk.
public enum BlobSeal {
  public static let magic = Array("EXB1".utf8) + [1]
  public static let saltBytes = 32
  static let headerBytes = magic.count + saltBytes
  static let tagBytes = 16

  /// Seals once, at publication.
  ///
  /// - Parameter salt: 32 fresh random bytes; never twice with one key.
  public static func seal(_ plaintext: [UInt8], paperKey: [UInt8], salt: [UInt8]) -> [UInt8] {
    precondition(salt.count == saltBytes, "a blob's salt has 32 bytes")
    let key = blobKey(paperKey, salt: salt)
    var sealed = magic + salt
    sealed.reserveCapacity(sealedLength(ofPlaintext: plaintext.count))
    var offset = 0
    var counter: UInt64 = 0
    repeat {
      let end = min(offset + Limits.blobChunkBytes, plaintext.count)
      let isLast = end == plaintext.count
      guard
        let box = try? ChaChaPoly.seal(
          plaintext[offset..<end], using: key, nonce: nonce(counter: counter, isLast: isLast))
      else { preconditionFailure("ChaCha20-Poly1305 could not seal") }
      sealed += box.ciphertext
      sealed += box.tag
      offset = end
      counter += 1
    } while offset < plaintext.count
    return sealed
  }

  /// Opens a blob whole, or not at all.
  public static func open(_ sealed: [UInt8], paperKey: [UInt8]) throws(BlobError) -> [UInt8] {
    guard sealed.count >= headerBytes + tagBytes, sealed.starts(with: magic) else { throw .notABlob }
    let key = blobKey(paperKey, salt: Array(sealed[magic.count..<headerBytes]))
    var plaintext: [UInt8] = []
    plaintext.reserveCapacity(sealed.count)
    var offset = headerBytes
    var counter: UInt64 = 0
    while offset < sealed.count {
      let end = min(offset + Limits.blobChunkBytes + tagBytes, sealed.count)
      guard end - offset >= tagBytes else { throw .notAuthentic }
      let isLast = end == sealed.count
      do {
        let box = try ChaChaPoly.SealedBox(
          nonce: nonce(counter: counter, isLast: isLast), ciphertext: sealed[offset..<end - tagBytes],
          tag: sealed[end - tagBytes..<end])
        plaintext += try ChaChaPoly.open(box, using: key)
      } catch {
        throw .notAuthentic
      }
      offset = end
      counter += 1
    }
    return plaintext
  }

  /// The length that a plaintext has once sealed.
  public static func sealedLength(ofPlaintext count: Int) -> Int {
    let chunks = max(1, (count + Limits.blobChunkBytes - 1) / Limits.blobChunkBytes)
    return headerBytes + count + chunks * tagBytes
  }

  /// Tells a right key from a wrong one, in the clear: `SHA-256("examsync key check v1" ‖ key)`.
  public static func keyCheck(_ paperKey: [UInt8]) -> Digest256 {
    Hash.sha256(Array("examsync key check v1".utf8) + paperKey)
  }

  private static func blobKey(_ paperKey: [UInt8], salt: [UInt8]) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: paperKey), salt: salt, info: Array("examsync blob v1".utf8),
      outputByteCount: 32)
  }

  private static func nonce(counter: UInt64, isLast: Bool) throws -> ChaChaPoly.Nonce {
    var bytes: [UInt8] = [0, 0, 0]
    bytes.appendBigEndian(counter)
    bytes.append(isLast ? 1 : 0)
    return try ChaChaPoly.Nonce(data: bytes)
  }
}

/// Why a blob was refused. Nothing of its content is given out.
public enum BlobError: Error, Hashable, Sendable, CustomStringConvertible {
  case notABlob
  case notAuthentic

  public var description: String {
    switch self {
    case .notABlob: "These bytes are not a sealed blob of this version: fetch it again."
    case .notAuthentic: "The blob does not open with this paper key: fetch it again, or ask for the right paper."
    }
  }
}
