import ExamModel
import Foundation
import SyncProtocol
import SyncWire
import Testing

/// The vectors `session.json` and `exchange.json`: whole messages, as a client in another language would make them.
@Suite struct SessionVectorTests {
  struct Session: Decodable {
    var serverKey: String
    var deviceKey: String
    var secret: String
    var examCode: String
    var unlockCodeOfLock1: String
    var headAfterSeal: String
    var receiptNumber: String
    var exchanges: [Exchange]
    var deflated: Deflated
  }

  struct Deflated: Decodable {
    var plain: String
    var framed: String
  }

  struct Exchange: Decodable, CustomStringConvertible {
    var name: String
    var method: String
    var path: String
    var status: Int
    var requestType: String?
    var requestMessage: String?
    var requestBody: String?
    var responseType: String
    var responseMessage: String
    var responseBody: String
    var sentAt: UInt64?
    var requestMAC: String?
    var authorization: String?
    var responseMAC: String?
    var description: String { name }
  }

  struct Verdicts: Decodable {
    struct Push: Decodable {
      var first: UInt64
      var last: UInt64
      var head: String
      var verdict: String
      var acknowledged: UInt64
      var acknowledgedHead: String
    }
    struct Kept: Decodable {
      var number: Int
      var reason: String
      var from: UInt64
    }
    var deviceKeyID: String
    var subject: String
    var request: String
    var response: String
    var pushes: [Push]
    var kept: [Kept]
    var lastCommonWithDiverged: UInt64
  }

  private func read<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: VectorFile.folder.appendingPathComponent(name)))
  }

  private func bytes(_ hex: String?) throws -> [UInt8] {
    let hex = try #require(hex)
    return try #require(Hex.decode(hex))
  }

  /// The message decoded and encoded again.
  private func roundTrip(_ type: String, _ wire: [UInt8]) throws -> [UInt8] {
    switch type {
    case "ServerCard": try ServerCard(wire: wire).wire
    case "LoginRequest": try LoginRequest(wire: wire).wire
    case "SessionRequest": try SessionRequest(wire: wire).wire
    case "SignedBytes": try SignedBytes(wire: wire).wire
    case "SyncRequest": try SyncRequest(wire: wire).wire
    case "SyncResponse": try SyncResponse(wire: wire).wire
    case "JoinRequest": try JoinRequest(wire: wire).wire
    case "JoinReply": try JoinReply(wire: wire).wire
    default: throw WireError(type, "is no message of the vectors")
    }
  }

  @Test func everyExchangeDecodesAndKeepsItsBytes() throws {
    for exchange in try read("session.json", as: Session.self).exchanges {
      let response = try bytes(exchange.responseMessage)
      #expect(try BodyFraming.unframe(try bytes(exchange.responseBody)) == response, "\(exchange)")
      #expect(try roundTrip(exchange.responseType, response) == response, "\(exchange)")
      guard let type = exchange.requestType else { continue }
      let request = try bytes(exchange.requestMessage)
      #expect(try BodyFraming.unframe(try bytes(exchange.requestBody)) == request, "\(exchange)")
      #expect(try roundTrip(type, request) == request, "\(exchange)")
    }
  }

  @Test func everyMACFits() throws {
    let session = try read("session.json", as: Session.self)
    let secret = try #require(SessionSecret(try bytes(session.secret)))
    var checked = 0
    for exchange in session.exchanges {
      guard let sentAt = exchange.sentAt else { continue }
      let mac = MessageAuthentication.request(
        secret: secret, method: exchange.method, path: exchange.path, sentAt: sentAt,
        body: try bytes(exchange.requestBody))
      #expect(mac.hex == exchange.requestMAC, "\(exchange)")
      let expected = Authorization(session: Fixed.session, sentAt: sentAt, mac: mac)
      #expect(expected.headerValue == exchange.authorization, "\(exchange)")
      #expect(Authorization(headerValue: expected.headerValue) == expected, "\(exchange)")
      let answer = MessageAuthentication.response(
        secret: secret, requestMAC: mac, status: exchange.status, body: try bytes(exchange.responseBody))
      #expect(answer.hex == exchange.responseMAC, "\(exchange)")
      checked += 1
    }
    #expect(checked == 5)
  }

  @Test func logInGrantAndCertificateAreSigned() throws {
    let session = try read("session.json", as: Session.self)
    let serverKey = try bytes(session.serverKey)
    let login = try LoginRequest(wire: try bytes(session.exchanges[1].requestMessage))
    #expect(
      Signatures.verify(login.signature, of: login.signedBytes, context: .login, publicKey: login.deviceKey))
    for exchange in session.exchanges[1...2] {
      let signed = try SignedBytes(wire: try bytes(exchange.responseMessage))
      #expect(signed.isValid(context: .grant, publicKey: serverKey), "\(exchange)")
      let grant = try SessionGrant(wire: signed.statement)
      #expect(grant.certificate.isValid(context: .certificate, publicKey: serverKey), "\(exchange)")
      #expect(try DeviceCertificate(wire: grant.certificate.statement).deviceKey == login.deviceKey, "\(exchange)")
    }
    let renewal = try SessionRequest(wire: try bytes(session.exchanges[2].requestMessage))
    #expect(
      Signatures.verify(
        renewal.signature, of: renewal.signedBytes, context: .session, publicKey: login.deviceKey))
  }

  @Test func deltasFitTheirCheckpointsAndTheReceiptVerifies() throws {
    let session = try read("session.json", as: Session.self)
    let serverKey = try bytes(session.serverKey)
    var live: [String: Record] = [:]
    for exchange in session.exchanges where exchange.responseType == "SyncResponse" {
      for delta in try SyncResponse(wire: try bytes(exchange.responseMessage)).deltas {
        for record in delta.records { live["\(record.collection)/\(record.key)"] = record }
        var digest = ScopeDigest.empty
        live.values.forEach { digest.add($0) }
        #expect(delta.checkpoint == Checkpoint(count: UInt64(live.count), digest: digest), "\(exchange)")
      }
    }
    let record = try #require(live.values.first { $0.collection == ScopeCollection.receipt })
    let receipt = try Receipt(wire: record.body).verified(publicKey: serverKey).receipt
    #expect(receipt.head.hex == session.headAfterSeal)
    #expect(receipt.number == session.receiptNumber)
    #expect(receipt.answers == Fixed.seal.answers)
    let attempt = try #require(live.values.first { $0.collection == ScopeCollection.attempt })
    #expect(try AttemptRecord(wire: attempt.body).leaseDevice == Fixed.deviceKey.id)
  }

  @Test func aDeflatedBodyInflates() throws {
    let deflated = try read("session.json", as: Session.self).deflated
    #expect(try BodyFraming.unframe(try bytes(deflated.framed)) == bytes(deflated.plain))
  }

  @Test func everyVerdictAndEveryReasonTravels() throws {
    let vector = try read("exchange.json", as: Verdicts.self)
    let requestBytes = try bytes(vector.request)
    let responseBytes = try bytes(vector.response)
    let request = try SyncRequest(wire: requestBytes)
    let response = try SyncResponse(wire: responseBytes)
    #expect(request.wire == requestBytes)
    #expect(response.wire == responseBytes)
    let verdicts: [PushVerdict] = [.stored, .duplicate, .gap, .diverged, .unknownJournal]
    #expect(Set(verdicts) == Set(PushVerdict.allCases))
    #expect(response.acknowledgements.map(\.verdict) == verdicts)
    for (index, expected) in vector.pushes.enumerated() {
      let push = request.pushes[index]
      #expect((push.first, push.last) == (expected.first, expected.last))
      #expect(push.head.hex == expected.head)
      let acknowledgement = response.acknowledgements[index]
      #expect(acknowledgement.sequence == expected.acknowledged)
      #expect(acknowledgement.head == Digest256(hex: expected.acknowledgedHead) ?? .zero)
    }
    let kept = response.acknowledgements[0].kept
    #expect(kept.map(\.reason) == KeptReason.allCases.filter { $0 != .other })
    #expect(kept.map(\.reason.name) == vector.kept.map(\.reason))
    #expect(kept.map(\.from) == vector.kept.map(\.from))
    try expectChain(request.pushes[0], vector)
  }

  private func expectChain(_ push: Push, _ vector: Verdicts) throws {
    let deviceKey = try #require(ID128(hex: vector.deviceKeyID))
    let subject = try #require(push.subject)
    var head = Chain.genesis(journal: push.journal, subject: subject, deviceKey: deviceKey)
    for (index, body) in push.bodies.enumerated() {
      head = Chain.next(head, sequence: push.first + UInt64(index), body: body)
    }
    #expect(head == push.head)
    #expect(subject.hex == vector.subject)
  }
}
