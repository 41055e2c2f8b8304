import ExamModel
import SyncProtocol
import SyncWire
import Synchronization

@testable import ExamClient

/// The device plane of an exam, as far as one phone needs it, with the faults that a test asks for.
final class DevicePlaneStandIn: Sendable {
  struct Faults: Sendable {
    /// Responses carry a MAC of somebody else.
    var spoilsMACs = false
    /// The session is forgotten, and 401 comes without a MAC.
    var forgetsSession = false
    var refusesCertificates = false
    /// No journal is known, though it is offered from its first entry.
    var knowsNoJournal = false
    /// Another copy of the device's store wrote this journal here: no head of it is the device's.
    var holdsAnotherCopyOf: ID128?
    /// What is pushed is kept without effect.
    var keepsAs: KeptReason?
    /// Whatever is asked, this comes.
    var answer: TestServer.Response?
    /// Bytes after which the first download breaks off.
    var cutsFirstBlobAfter: Int?
    /// How far the server's clock has gone on beside the real one.
    var clockAheadMilliseconds: Int64 = 0
    /// Above 1 after the server was restored from a backup: the scopes have to be read anew.
    var epoch: UInt64 = 1
  }

  let exam: TestExam
  let password = "right"
  let faults: Mutex<Faults>
  private let journals = Mutex<[ID128: Push]>([:])
  private let receipts = Mutex<[[UInt8]]>([])
  private let origin = ContinuousClock.now
  private let secret = [UInt8](repeating: 0xA6, count: 32)

  init(_ exam: TestExam, faults: Faults = Faults()) {
    self.exam = exam
    self.faults = Mutex(faults)
  }

  private static let anothersHead = Hash.sha256([1])

  func serve() throws -> TestServer {
    try TestServer { [self] request in respond(to: request) }
  }

  var storedEntries: Int { journals.withLock { $0.values.reduce(0) { $0 + Int($1.last) } } }

  /// Every receipt that a device presented.
  var presentedReceipts: [[UInt8]] { receipts.withLock { $0 } }

  /// As from a backup that was made before any journal.
  func restoreEmptyBackup() {
    journals.withLock { $0 = [:] }
    faults.withLock { $0.epoch += 1 }
  }

  private var serverTime: Int64 {
    let passed = origin.duration(to: .now).components
    return testT0 + faults.withLock { $0.clockAheadMilliseconds } + passed.seconds * 1_000 + passed.attoseconds
      / 1_000_000_000_000_000
  }

  private func respond(to request: TestServer.Request) -> TestServer.Response {
    let faults = faults.withLock { $0 }
    if let answer = faults.answer { return answer }
    do {
      switch request.path {
      case "/v1/login": return try login(request)
      case "/v1/session": return try session(request, faults)
      case "/v1/sync": return try sync(request, faults)
      case let path where path.hasPrefix("/v1/blobs/"): return try blob(request)
      default: return problem(.notFound)
      }
    } catch {
      return problem(.badRequest)
    }
  }

  private func problem(_ kind: Problem.Kind) -> TestServer.Response {
    let problem = Problem(kind, "")
    let body = #"{"type":"\#(problem.type)","status":\#(problem.status),"detail":"As the test says."}"#
    return TestServer.Response(
      status: problem.status, headers: ["Content-Type": "application/problem+json"], body: Array(body.utf8))
  }

  private func login(_ request: TestServer.Request) throws -> TestServer.Response {
    let login = try LoginRequest(wire: try BodyFraming.unframe(request.body))
    guard login.password == password else { return problem(.wrongPassword) }
    return grant(deviceKey: login.deviceKey, nonce: login.nonce)
  }

  private func session(_ request: TestServer.Request, _ faults: Faults) throws -> TestServer.Response {
    let session = try SessionRequest(wire: try BodyFraming.unframe(request.body))
    let certificate = try DeviceCertificate(wire: session.certificate.statement)
    guard !faults.refusesCertificates else { return problem(.certificateRefused) }
    self.faults.withLock { $0.forgetsSession = false }
    return grant(deviceKey: certificate.deviceKey, nonce: session.nonce)
  }

  private func grant(deviceKey: [UInt8], nonce: ID128) -> TestServer.Response {
    let certificate = DeviceCertificate(
      candidate: exam.candidate, deviceKey: deviceKey, issuedAt: testT0, expiresAt: testT0 + 86_400_000)
    var grant = exam.grant(device: SigningKey())
    grant.certificate = SignedBytes(signing: certificate.wire, with: exam.server, context: .certificate)
    grant.nonce = nonce
    let signed = SignedBytes(signing: grant.wire, with: exam.server, context: .grant)
    return TestServer.Response(body: BodyFraming.frame(signed.wire))
  }

  private func sync(_ request: TestServer.Request, _ faults: Faults) throws -> TestServer.Response {
    guard !faults.forgetsSession else { return problem(.sessionUnknown) }
    guard let secret = SessionSecret(secret), let header = request.headers["authorization"],
      let authorization = Authorization(headerValue: header),
      authorization.mac
        == MessageAuthentication.request(
          secret: secret, method: "POST", path: request.path, sentAt: authorization.sentAt, body: request.body)
    else { return problem(.macInvalid) }
    let message = try SyncRequest(wire: try BodyFraming.unframe(request.body))
    var answer = SyncResponse(receivedAt: serverTime)
    receipts.withLock { $0 += message.presentedReceipts }
    for push in message.pushes {
      guard !faults.knowsNoJournal, push.first == 1 || journals.withLock({ $0[push.journal] }) != nil else {
        answer.acknowledgements.append(Acknowledgement(sequence: 0, head: .zero, verdict: .unknownJournal))
        continue
      }
      if faults.holdsAnotherCopyOf == push.journal {
        answer.acknowledgements.append(
          Acknowledgement(sequence: push.last, head: Self.anothersHead, verdict: .diverged))
        continue
      }
      journals.withLock { $0[push.journal] = push }
      answer.acknowledgements.append(
        Acknowledgement(
          sequence: push.last, head: push.head, verdict: .stored,
          kept: faults.keepsAs.map { [KeptRange(from: push.first, to: push.last, reason: $0)] } ?? []))
    }
    for query in message.headQueries {
      // What was stored before is common, and one entry of the other copy follows it.
      guard let stored = journals.withLock({ $0[query.journal] }) else { continue }
      let heads = [stored.last: stored.head, stored.last + 1: Self.anothersHead]
      answer.heads.append(
        HeadAnswer(
          journal: query.journal, heads: heads.filter { query.sequences.contains($0.key) }, sequence: stored.last + 1))
    }
    for scope in message.scopes {
      answer.deltas.append(delta(scope, epoch: faults.epoch))
    }
    let body = BodyFraming.frame(answer.wire)
    let mac = MessageAuthentication.response(
      secret: secret, requestMAC: authorization.mac, status: 200, body: faults.spoilsMACs ? body + [0] : body)
    return TestServer.Response(headers: [Authorization.responseHeader: Base64URL.encode(mac.bytes)], body: body)
  }

  /// Nothing new, with a checkpoint over what every test's phone holds; or all of that anew.
  private func delta(_ cursor: ScopeCursor, epoch: UInt64) -> Delta {
    var digest = ScopeDigest.empty
    let isCandidate = cursor.scope == exam.candidate
    let records = (try? isCandidate ? exam.candidateRecords() : exam.examRecords(exam.blobs().record)) ?? []
    for (index, record) in records.enumerated() {
      digest.add(Record(collection: record.0, key: record.1, version: UInt64(index + 1), body: record.2))
    }
    if cursor.cursor.epoch < epoch { return TestExam.delta(cursor.scope, records, from: cursor.cursor) }
    return Delta(
      scope: cursor.scope, from: cursor.cursor, records: [], to: cursor.cursor,
      checkpoint: Checkpoint(count: UInt64(records.count), digest: digest))
  }

  private func blob(_ request: TestServer.Request) throws -> TestServer.Response {
    let name = request.path.dropFirst("/v1/blobs/".count)
    guard let sealed = try exam.blobs().bytes.first(where: { $0.reference.digest.hex == name })?.sealed,
      let bounds = request.headers["range"]?.dropFirst("bytes=".count).split(separator: "-").compactMap({ Int($0) }),
      bounds.count == 2, bounds[1] < sealed.count
    else { return problem(.notFound) }
    let cut = faults.withLock { faults in
      defer { faults.cutsFirstBlobAfter = nil }
      return faults.cutsFirstBlobAfter
    }
    return TestServer.Response(
      status: 206, headers: ["Content-Range": "bytes \(bounds[0])-\(bounds[1])/\(sealed.count)"],
      body: Array(sealed[bounds[0]...bounds[1]]), cutAfterBytes: cut)
  }
}
