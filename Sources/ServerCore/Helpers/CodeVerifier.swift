import Crypto
import CryptoExtras
import ExamModel
public import SyncProtocol

import struct Foundation.Data

/// scrypt (RFC 7914) of passwords and of short codes: r = 8, p = 1, 32 bytes.
public enum CodeVerifier {
  public static let verifierBytes = 32
  public static let saltBytes = 16

  /// - Parameter rounds: N, a power of two above 1.
  /// - Returns: `nil` where the parameters are not possible or memory is short.
  public static func scrypt(_ input: [UInt8], salt: [UInt8], rounds: Int) -> [UInt8]? {
    guard rounds > 1, rounds <= 1 << 20, rounds & (rounds - 1) == 0 else { return nil }
    let key = try? KDF.Scrypt.deriveKey(
      from: Data(input), salt: Data(salt), outputByteCount: verifierBytes, rounds: rounds, blockSize: 8,
      parallelism: 1)
    return key?.withUnsafeBytes { Array($0) }
  }

  /// The salt of one lock's code: the attempt's unlock salt ‖ u32 number.
  public static func unlockSalt(_ salt: [UInt8], number: UInt32) -> [UInt8] {
    var bytes = salt
    bytes.appendBigEndian(number)
    return bytes
  }

  /// Compares without an early exit.
  public static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

extension PasswordHash {
  /// The verifier of a password; takes tens of milliseconds, so never on the writer's thread.
  public init?(password: String, salt: [UInt8], rounds: Int = Limits.passwordScryptRounds) {
    guard password.utf8.count <= Limits.passwordBytes,
      let verifier = CodeVerifier.scrypt(Array(password.utf8), salt: salt, rounds: rounds)
    else { return nil }
    self.init(salt: salt, verifier: verifier, rounds: rounds)
  }
}

extension PasswordVerifier {
  /// Takes tens of milliseconds, so never on the writer's thread.
  public func matches(_ password: String) -> Bool {
    guard password.utf8.count <= Limits.passwordBytes,
      let found = CodeVerifier.scrypt(Array(password.utf8), salt: salt, rounds: rounds)
    else { return false }
    return CodeVerifier.isEqual(found, verifier)
  }
}

/// The secret from which unlock codes and MACs of unlocks are derived; the same after any restore.
enum UnlockSecret {
  static func derive(from identity: SigningKey) -> SessionSecret {
    let digest = Hash.sha256(Array("examsync unlock secret v1".utf8) + identity.seed)
    guard let secret = SessionSecret(digest.bytes) else { preconditionFailure("a digest has 32 bytes") }
    return secret
  }
}

/// Computes what a roster needs of slow values. It holds no store: use as many threads as there are cores.
public struct RosterPreparer: Sendable {
  private let unlockSecret: SessionSecret
  private let codeRounds: Int
  private let passwordRounds: Int

  public init(
    identity: SigningKey, codeScryptRounds: Int = Limits.codeScryptRounds,
    passwordScryptRounds: Int = Limits.passwordScryptRounds
  ) {
    unlockSecret = UnlockSecret.derive(from: identity)
    codeRounds = codeScryptRounds
    passwordRounds = passwordScryptRounds
  }

  /// One line of a roster as it was read.
  public struct Line: Hashable, Sendable {
    public var number: String
    public var name: String
    public var username: String
    public var password: String?
    public var specialty: String
    public var room: String
    public var isPhoneBound: Bool

    public init(
      number: String, name: String, username: String, password: String?, specialty: String, room: String,
      isPhoneBound: Bool = true
    ) {
      self.number = number
      self.name = name
      self.username = username
      self.password = password
      self.specialty = specialty
      self.room = room
      self.isPhoneBound = isPhoneBound
    }
  }

  /// - Parameters:
  ///   - examCode: the exam's 6 digits.
  ///   - maximumLocks: of the exam's policy; decides how many unlock codes the device can check offline.
  public func prepare(
    _ line: Line, examCode: String, maximumLocks: UInt32, using generator: inout some RandomNumberGenerator
  ) -> PreparedRosterRow? {
    var password: PasswordHash?
    if let text = line.password {
      password = PasswordHash(password: text, salt: salt(&generator), rounds: passwordRounds)
      guard password != nil else { return nil }
    }
    let attempt = ID128.random(using: &generator)
    let codeSalt = salt(&generator)
    let unlockSalt = salt(&generator)
    guard let codeVerifier = CodeVerifier.scrypt(Array(examCode.utf8), salt: codeSalt, rounds: codeRounds) else {
      return nil
    }
    let codes =
      maximumLocks == 0
      ? OperatorLimits.unlockCodes
      : min(OperatorLimits.unlockCodes, maximumLocks + OperatorLimits.unlockCodesBeyondLimit)
    var verifiers: [[UInt8]] = []
    for number in 1...codes {
      let code = MessageAuthentication.unlockCode(secret: unlockSecret, attempt: attempt, number: number)
      guard
        let verifier = CodeVerifier.scrypt(
          Array(code.utf8), salt: CodeVerifier.unlockSalt(unlockSalt, number: number), rounds: codeRounds)
      else { return nil }
      verifiers.append(verifier)
    }
    let secrets = AttemptSecrets(
      attempt: attempt, leaseID: ID128.random(using: &generator), orderSeed: generator.next(), codeSalt: codeSalt,
      codeVerifier: codeVerifier, unlockSalt: unlockSalt, unlockVerifiers: verifiers,
      scryptRounds: UInt32(codeRounds))
    return PreparedRosterRow(
      number: line.number, name: line.name, username: line.username, specialty: line.specialty, room: line.room,
      isPhoneBound: line.isPhoneBound, password: password, secrets: secrets)
  }

  private func salt(_ generator: inout some RandomNumberGenerator) -> [UInt8] {
    Array(ID128.random(using: &generator).bytes.prefix(CodeVerifier.saltBytes))
  }
}
