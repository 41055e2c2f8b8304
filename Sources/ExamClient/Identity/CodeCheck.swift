import Crypto
import CryptoExtras
import ExamModel
package import SyncProtocol

import struct Foundation.Data

/// Checks of the short codes that people read out, against the verifiers in the attempt's record.
///
/// scrypt (RFC 7914) with r = 8, p = 1 and 32 bytes; N comes with the record. On a device whose owner has its root
/// this stops honest people only.
package enum CodeCheck {
  /// Six digits (S3-07).
  package static func isExamCode(_ text: String) -> Bool { isDigits(text, count: Limits.examCodeDigits) }
  /// Eight digits (S3-13).
  package static func isUnlockCode(_ text: String) -> Bool { isDigits(text, count: Limits.unlockCodeDigits) }

  package static func examCode(_ code: String, opens record: AttemptRecord) -> Bool {
    matches(code, salt: record.codeSalt, verifier: record.codeVerifier, rounds: record.scryptRounds)
  }

  /// `nil` where the record has no verifier for this lock: then only the server can unlock it.
  package static func unlockCode(_ code: String, number: UInt32, opens record: AttemptRecord) -> Bool? {
    guard number >= 1, number <= record.unlockVerifiers.count else { return nil }
    var salt = record.unlockSalt
    salt.appendBigEndian(number)
    return matches(
      code, salt: salt, verifier: record.unlockVerifiers[Int(number) - 1], rounds: record.scryptRounds)
  }

  package static func scrypt(_ input: [UInt8], salt: [UInt8], rounds: Int) -> [UInt8]? {
    guard rounds > 1, rounds <= 1 << 20, rounds & (rounds - 1) == 0 else { return nil }
    let key = try? KDF.Scrypt.deriveKey(
      from: Data(input), salt: Data(salt), outputByteCount: 32, rounds: rounds, blockSize: 8, parallelism: 1)
    return key?.withUnsafeBytes { Array($0) }
  }

  private static func matches(_ code: String, salt: [UInt8], verifier: [UInt8], rounds: UInt32) -> Bool {
    guard let found = scrypt(Array(code.utf8), salt: salt, rounds: Int(rounds)), found.count == verifier.count else {
      return false
    }
    return zip(found, verifier).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private static func isDigits(_ text: String, count: Int) -> Bool {
    text.utf8.count == count && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
  }
}
