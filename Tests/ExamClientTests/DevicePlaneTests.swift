import CurlTransport
import ExamModel
import SyncCore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamClient

@Suite(.timeLimit(.minutes(10))) struct GrantTests {
  private let exam = TestExam()
  private let device = SigningKey()

  private func answer(_ change: (inout SessionGrant) -> Void = { _ in }, by key: SigningKey? = nil) -> [UInt8] {
    var grant = exam.grant(device: device)
    change(&grant)
    return SignedBytes(signing: grant.wire, with: key ?? exam.server, context: .grant).wire
  }

  @Test func aGrantOfOurServerForThisRequestIsTaken() throws {
    let nonce = ID128.random()
    let grant = try SessionExchange.grant(
      from: answer { $0.nonce = nonce }, nonce: nonce, key: device, serverKey: exam.server.publicKey)
    #expect(grant.candidate == exam.candidate)
  }

  @Test func nobodyElsesGrantIsTaken() throws {
    let nonce = ID128.random()
    func fault(_ message: [UInt8]) -> GrantFault? {
      do throws(GrantFault) {
        _ = try SessionExchange.grant(from: message, nonce: nonce, key: device, serverKey: exam.server.publicKey)
        return nil
      } catch { return error }
    }
    #expect(fault(answer({ $0.nonce = nonce }, by: SigningKey())) == .notSigned)
    #expect(fault(answer()) == .replayed)
    #expect(fault(Array("<html>".utf8)) == .unreadable)
    let other = exam.grant(device: SigningKey()).certificate
    #expect(
      fault(
        answer {
          $0.nonce = nonce
          $0.certificate = other
        }) == .certificateInvalid)
    #expect(
      fault(
        answer {
          $0.nonce = nonce
          $0.serverTime = testT0 + 90_000_000
        }) == .certificateInvalid)
  }

  @Test func requestsAreSignedByTheDevice() {
    let nonce = ID128.random()
    let login = SessionExchange.login(
      user: "wang", password: "x", key: device, appVersion: "3.4.2", nonce: nonce)
    #expect(
      Signatures.verify(login.signature, of: login.signedBytes, context: .login, publicKey: device.publicKey))
    let session = SessionExchange.session(
      certificate: exam.grant(device: device).certificate, key: device, appVersion: "3.4.2", nonce: nonce)
    #expect(
      Signatures.verify(session.signature, of: session.signedBytes, context: .session, publicKey: device.publicKey))
  }
}

@Suite(.timeLimit(.minutes(10))) struct DevicePlaneTests {
  private let plane = DevicePlane(serverURL: "http://127.0.0.1:1/")
  private var session: LiveSession { LiveSession(TestExam().grant(device: SigningKey()))! }

  @Test func aRequestCarriesOneHeaderWhoseMACCoversIt() throws {
    let session = session
    let prepared = plane.post("/v1/sync", [1, 2, 3], session: session, sentAt: 5)
    #expect(prepared.request.url == "http://127.0.0.1:1/v1/sync")
    #expect(prepared.request.headers.count == 1)
    let header = try #require(prepared.request.headers["Authorization"])
    let authorization = try #require(Authorization(headerValue: header))
    let expected = MessageAuthentication.request(
      secret: session.secret, method: "POST", path: "/v1/sync", sentAt: 5, body: prepared.request.body)
    #expect(authorization.mac == expected)
    #expect(authorization.session == session.id)
    #expect(try BodyFraming.unframe(prepared.request.body) == [1, 2, 3])
  }
}

@Suite(.timeLimit(.minutes(10))) struct BlobReceiverTests {
  private func transfer(offset: UInt64 = 0, length: UInt64 = 10, total: UInt64 = 20) throws -> BlobTransfer {
    var core = BlobCore(seed: 1)
    let reference = BlobReference(digest: Hash.sha256([1]), length: total)
    let effects = core.step(.want([WantedBlob(reference: reference, have: offset)]), at: .zero)
    for case .fetch(var transfer) in effects {
      transfer.length = length
      return transfer
    }
    throw GrantFault.unreadable
  }

  private func head(_ status: Int, _ headers: HTTPHeaders = HTTPHeaders()) -> HTTPResponseHead {
    HTTPResponseHead(status: status, headers: headers)
  }

  @Test func theRangeThatWasAskedForIsTakenInOrder() throws {
    let receiver = BlobReceiver(try transfer(offset: 10))
    let part = head(206, ["Content-Range": "bytes 10-19/20"])
    #expect(receiver.take(part, [1, 2]).decision == .proceed)
    #expect(receiver.take(part, [3]).decision == .proceed)
    #expect(receiver.drain() == [1, 2, 3])
    #expect(receiver.drain() == [])
    #expect(receiver.fault == nil)
  }

  @Test func anotherRangeAndAPortalAreRefusedBeforeAByteIsKept() throws {
    for (offset, answer) in [
      (10, head(206, ["Content-Range": "bytes 0-9/20"])), (10, head(200)),
      (0, head(206, ["Content-Range": "bytes 0-9/21"])), (0, head(206)),
    ] {
      let receiver = BlobReceiver(try transfer(offset: UInt64(offset)))
      #expect(receiver.take(answer, [1]).decision == .abort)
      #expect(receiver.fault == .rangeIgnored)
      #expect(receiver.drain() == [])
    }
    let portal = BlobReceiver(try transfer())
    #expect(portal.take(head(200, ["Content-Type": "text/html; charset=utf-8"]), [1]).decision == .abort)
    #expect(portal.fault == .refused(HTTPRefusal(status: 200, isAuthenticated: false)))
    let long = BlobReceiver(try transfer())
    #expect(
      long.take(head(206, ["Content-Range": "bytes 0-9/20"]), [UInt8](repeating: 0, count: 11)).decision == .abort)
    #expect(long.fault == .tooLong)
  }
}
