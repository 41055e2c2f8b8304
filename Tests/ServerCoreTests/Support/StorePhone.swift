import ExamModel
import ExamStore
import Foundation
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// A device with a real store that speaks to a server without HTTP: what it reads are the server's own deltas.
final class StorePhone {
  let server: TestServer
  let candidate: ID128
  let attempt: ID128
  let exam: ID128
  let folder: TestFolder
  let store: ExamStore
  private let session: ID128
  private let bootID: ID128
  private var bootMilliseconds: UInt64 = 1_000
  private(set) var lease: UInt32 = 1

  /// A new device of the candidate whom another phone belongs to.
  init(afterwards phone: TestPhone, seed: UInt64) throws {
    server = phone.server
    candidate = phone.candidate
    attempt = phone.attempt
    exam = phone.exam
    var generator = SplitMix(seed)
    bootID = ID128.random(using: &generator)
    folder = try TestFolder()
    store = try ExamStore(
      path: folder.path("store.db"), appVersion: "3.4.2", randomness: generator,
      at: DeviceInstant(bootID: bootID, bootMilliseconds: 1_000, wallMilliseconds: phone.server.now))
    let identity = try store.makeIdentity()
    try store.pinServerKey(TestServer.identity.publicKey)
    let request = LoginRequest(
      username: "", password: "", deviceKey: identity.signingKey.publicKey, nonce: ID128.random(using: &generator),
      appVersion: "3.4.2", signature: [])
    guard case .grant(let signed) = phone.server.perform(.login(request, candidate: phone.candidate)) else {
      throw Problem(.internal, "no grant")
    }
    let grant = try SessionGrant(wire: signed.statement)
    session = grant.session
    try store.storeGrant(grant, user: "c1")
  }

  func moment() -> SaveMoment {
    bootMilliseconds += 10
    return SaveMoment(
      DeviceInstant(bootID: bootID, bootMilliseconds: bootMilliseconds, wallMilliseconds: server.now),
      time: .inTime, remainingMilliseconds: nil)
  }

  private func sync(_ request: SyncRequest) throws -> SyncResponse {
    let call = DeviceCall(session: session, request: request, receivedAt: server.now, isFresh: true)
    switch server.perform(.sync(call)) {
    case .sync(let response, _): return response
    case .problem(let problem): throw problem
    default: throw Problem(.internal, "not a reply to a sync")
    }
  }

  /// Reads both scopes to their checkpoints.
  func read() throws {
    for scope in [candidate, exam] {
      for _ in 0..<100 {
        guard let delta = try sync(SyncRequest(scopes: try store.cursors(of: [scope]))).deltas.first else { break }
        guard case .staged = try store.store(delta) else { continue }
      }
    }
    lease = try store.terms(attempt).attempt.lease
  }

  /// Reads, and goes on from what the server holds.
  func join() throws {
    try read()
    _ = try store.join(attempt, at: moment())
    try tellTime()
  }

  /// Journals what the server's clock shows.
  func tellTime() throws {
    let instant = moment().instant
    let bounds = TimeBounds(earliest: server.now - 50, latest: server.now + 50)
    let context = ClockContext(
      bootID: instant.bootID, bootMilliseconds: instant.bootMilliseconds, wallMilliseconds: instant.wallMilliseconds,
      server: bounds)
    _ = try store.storeContext(context, in: attempt, at: moment())
  }

  /// Pushes everything that the server lacks; gives what it kept without effect. After a restore it lacks more than the
  /// phone begins with.
  @discardableResult
  func push(afterARestore isBehind: Bool = false) throws -> [KeptRange] {
    try push(try #require(try store.status(of: attempt).journal), afterARestore: isBehind)
  }

  /// The same of a journal that may have been left.
  @discardableResult
  func push(_ journal: ID128, afterARestore isBehind: Bool = false) throws -> [KeptRange] {
    var kept: [KeptRange] = []
    while let push = try store.pushLoad(journal) {
      let answer = try #require(try sync(SyncRequest(pushes: [push])).acknowledgements.first)
      #expect(answer.verdict == .stored || (isBehind && [.gap, .unknownJournal].contains(answer.verdict)))
      kept += answer.kept
      _ = try store.storeAcknowledgement(answer, of: journal)
      if answer.verdict == .gap { try read() }
    }
    return kept
  }
}
