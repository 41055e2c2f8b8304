package import ExamModel
package import SyncProtocol
import SyncWire

/// Log-in and session requests, and the one check that makes their answers believable: the pinned key.
package enum SessionExchange {
  package static func login(
    user: String, password: String, key: SigningKey, appVersion: String, nonce: ID128
  ) -> LoginRequest {
    var request = LoginRequest(
      username: user, password: password, deviceKey: key.publicKey, nonce: nonce, appVersion: appVersion,
      signature: [])
    request.signature = key.sign(request.signedBytes, context: .login)
    return request
  }

  package static func session(
    certificate: SignedBytes, key: SigningKey, appVersion: String, nonce: ID128
  ) -> SessionRequest {
    var request = SessionRequest(certificate: certificate, nonce: nonce, signature: [], appVersion: appVersion)
    request.signature = key.sign(request.signedBytes, context: .session)
    return request
  }

  /// Verifies an answer: the server's signature over the grant, the nonce, and the certificate inside it.
  ///
  /// - Throws: ``GrantFault`` where the answer is not our server's word about this request and this device.
  package static func grant(
    from message: [UInt8], nonce: ID128, key: SigningKey, serverKey: [UInt8]
  ) throws(GrantFault) -> SessionGrant {
    guard let signed = try? SignedBytes(wire: message) else { throw .unreadable }
    guard signed.isValid(context: .grant, publicKey: serverKey) else { throw .notSigned }
    guard let grant = try? SessionGrant(wire: signed.statement) else { throw .unreadable }
    guard grant.nonce == nonce else { throw .replayed }
    guard let certificate = certificate(of: grant, serverKey: serverKey),
      certificate.candidate == grant.candidate, certificate.deviceKey == key.publicKey,
      certificate.expiresAt > grant.serverTime
    else { throw .certificateInvalid }
    return grant
  }

  /// The certificate in a grant; `nil` unless the server signed it.
  package static func certificate(of grant: SessionGrant, serverKey: [UInt8]) -> DeviceCertificate? {
    guard grant.certificate.isValid(context: .certificate, publicKey: serverKey) else { return nil }
    return try? DeviceCertificate(wire: grant.certificate.statement)
  }
}

/// Why an answer to a log-in was not believed.
package enum GrantFault: Error, Hashable, Sendable, CustomStringConvertible {
  case unreadable
  case notSigned
  case replayed
  case certificateInvalid

  package var description: String {
    switch self {
    case .unreadable: "What answered is not an exam server. Check the address, and that no log-in page is in between."
    case .notSigned: "The answer is not signed by the server on your card. Check the server card, or ask the proctor."
    case .replayed: "An old answer was repeated. Try again; if it happens again, change the network."
    case .certificateInvalid: "The server's answer is for another device. Try again, or ask the proctor."
    }
  }
}
