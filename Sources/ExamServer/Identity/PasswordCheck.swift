import ServerCore
import SyncProtocol

/// Checks a password against its verifier, always at the same cost.
enum PasswordCheck {
  private static let salt = [UInt8](repeating: 0x5A, count: CodeVerifier.saltBytes)

  /// - Parameter verifier: `nil` for an unknown user name: as much is computed, and the answer is no.
  static func matches(_ password: String, _ verifier: PasswordVerifier?) -> Bool {
    if let verifier { return verifier.matches(password) }
    let wasted = CodeVerifier.scrypt(Array(password.utf8), salt: salt, rounds: Limits.passwordScryptRounds)
    return wasted?.isEmpty ?? false
  }
}
