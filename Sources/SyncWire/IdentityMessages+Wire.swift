import ExamModel
import SyncProtocol

import struct Foundation.Data

extension LoginRequest: GeneratedConvertible {
  init(_ message: WireLoginRequest) throws(WireError) {
    guard (1...Limits.usernameBytes).contains(message.username.utf8.count) else {
      throw WireError("LoginRequest.username", "must have 1 to \(Limits.usernameBytes) bytes")
    }
    guard (1...Limits.passwordBytes).contains(message.password.utf8.count) else {
      throw WireError("LoginRequest.password", "must have 1 to \(Limits.passwordBytes) bytes")
    }
    self.init(
      username: message.username, password: message.password,
      deviceKey: try Field.bytes(message.deviceKey, count: 32, "LoginRequest.device_key"),
      nonce: try Field.id(message.nonce, "LoginRequest.nonce"), appVersion: message.appVersion,
      signature: try Field.bytes(message.signature, count: 64, "LoginRequest.signature"))
  }

  var message: WireLoginRequest {
    var message = WireLoginRequest()
    message.username = username
    message.password = password
    message.deviceKey = Data(deviceKey)
    message.nonce = Data(nonce.bytes)
    message.appVersion = appVersion
    message.signature = Data(signature)
    return message
  }
}

extension SessionRequest: GeneratedConvertible {
  init(_ message: WireSessionRequest) throws(WireError) {
    self.init(
      certificate: try SignedBytes(message.certificate),
      nonce: try Field.id(message.nonce, "SessionRequest.nonce"),
      signature: try Field.bytes(message.signature, count: 64, "SessionRequest.signature"),
      appVersion: message.appVersion)
  }

  var message: WireSessionRequest {
    var message = WireSessionRequest()
    message.certificate = certificate.message
    message.nonce = Data(nonce.bytes)
    message.signature = Data(signature)
    message.appVersion = appVersion
    return message
  }
}

extension SignedBytes: GeneratedConvertible {
  init(_ message: WireSignedBytes) throws(WireError) {
    self.init(
      statement: Array(message.statement),
      signature: try Field.bytes(message.signature, count: 64, "SignedBytes.signature"),
      keyID: try Field.id(message.keyID, "SignedBytes.key_id"))
  }

  var message: WireSignedBytes {
    var message = WireSignedBytes()
    message.statement = Data(statement)
    message.signature = Data(signature)
    message.keyID = Data(keyID.bytes)
    return message
  }
}

extension SessionGrant: GeneratedConvertible {
  init(_ message: WireSessionGrant) throws(WireError) {
    self.init(
      session: try Field.id(message.session, "SessionGrant.session"),
      secret: try Field.bytes(message.secret, count: 32, "SessionGrant.secret"),
      nonce: try Field.id(message.nonce, "SessionGrant.nonce"),
      serverTime: try Field.milliseconds(message.serverTime, "SessionGrant.server_time"),
      candidate: try Field.id(message.candidate, "SessionGrant.candidate"),
      certificate: try SignedBytes(message.certificate), name: message.name, isPhoneBound: message.phoneBound,
      minimumAppVersion: message.minimumAppVersion, hasQuestionBank: message.questionBank,
      hasMyExams: message.myExams)
  }

  var message: WireSessionGrant {
    var message = WireSessionGrant()
    message.session = Data(session.bytes)
    message.secret = Data(secret)
    message.nonce = Data(nonce.bytes)
    message.serverTime = UInt64(clamping: serverTime)
    message.candidate = Data(candidate.bytes)
    message.certificate = certificate.message
    message.name = name
    message.phoneBound = isPhoneBound
    message.minimumAppVersion = minimumAppVersion
    message.questionBank = hasQuestionBank
    message.myExams = hasMyExams
    return message
  }
}

extension DeviceCertificate: GeneratedConvertible {
  init(_ message: WireDeviceCertificate) throws(WireError) {
    self.init(
      candidate: try Field.id(message.candidate, "DeviceCertificate.candidate"),
      deviceKey: try Field.bytes(message.deviceKey, count: 32, "DeviceCertificate.device_key"),
      issuedAt: try Field.milliseconds(message.issuedAt, "DeviceCertificate.issued_at"),
      expiresAt: try Field.milliseconds(message.expiresAt, "DeviceCertificate.expires_at"))
  }

  var message: WireDeviceCertificate {
    var message = WireDeviceCertificate()
    message.candidate = Data(candidate.bytes)
    message.deviceKey = Data(deviceKey)
    message.issuedAt = UInt64(clamping: issuedAt)
    message.expiresAt = UInt64(clamping: expiresAt)
    return message
  }
}

extension ServerCard: GeneratedConvertible {
  init(_ message: WireServerCard) throws(WireError) {
    self.init(
      identityKey: try Field.bytes(message.identityKey, count: 32, "ServerCard.identity_key"),
      oldestProtocol: message.oldestProtocol, newestProtocol: message.newestProtocol,
      serverTime: try Field.milliseconds(message.serverTime, "ServerCard.server_time"),
      minimumAppVersion: message.minimumAppVersion)
  }

  var message: WireServerCard {
    var message = WireServerCard()
    message.identityKey = Data(identityKey)
    message.oldestProtocol = oldestProtocol
    message.newestProtocol = newestProtocol
    message.serverTime = UInt64(clamping: serverTime)
    message.minimumAppVersion = minimumAppVersion
    return message
  }
}

/// `POST /v1/join`: the exam code as typed (S3-07).
public struct JoinRequest: Hashable, Sendable {
  /// Exactly six ASCII digits; text, so that leading zeros stay.
  public var code: String

  public init(code: String) {
    self.code = code
  }
}

extension JoinRequest: GeneratedConvertible {
  init(_ message: WireJoinRequest) throws(WireError) {
    let digits = message.code.utf8
    guard digits.count == Limits.examCodeDigits, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw WireError("JoinRequest.code", "must be exactly six digits")
    }
    self.init(code: message.code)
  }

  var message: WireJoinRequest {
    var message = WireJoinRequest()
    message.code = code
    return message
  }
}

extension JoinReply: GeneratedConvertible {
  init(_ message: WireJoinReply) throws(WireError) {
    self.init(
      attempt: try Field.id(message.attempt, "JoinReply.attempt"), exam: try Field.id(message.exam, "JoinReply.exam"))
  }

  var message: WireJoinReply {
    var message = WireJoinReply()
    message.attempt = Data(attempt.bytes)
    message.exam = Data(exam.bytes)
    return message
  }
}
