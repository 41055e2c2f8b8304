import ExamModel
import ExamStore
import Foundation
import SyncProtocol
import SyncWire

@testable import ExamClient

/// A phone with a real store in a folder of its own, logged in and filled as after a good night's sync; without a
/// network, unless a test gives it an address.
final class TestPhone {
  let exam: TestExam
  let clock: TestClock
  let folder: String
  let client: ExamClient

  /// - Parameter withholding: the names of what has not arrived: `paper`, `picture`.
  init(
    _ exam: TestExam = TestExam(), clock: TestClock = TestClock(), appVersion: String = "3.4.2",
    serverURL: String = "http://127.0.0.1:9", automaticallySync: Bool = false, withholding: Set<String> = []
  ) throws {
    self.exam = exam
    self.clock = clock
    folder = FileManager.default.temporaryDirectory.path + "/exam-client-" + ID128.random().hex
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Self.prepare(exam, folder, clock, withholding)
    client = try ExamClient(
      ExamClientConfiguration(
        storeFolder: folder, serverURL: serverURL, serverKey: exam.server.publicKey,
        automaticallySync: automaticallySync, appVersion: appVersion, clock: clock))
  }

  deinit {
    try? FileManager.default.removeItem(atPath: folder)
  }

  private static func prepare(
    _ exam: TestExam, _ folder: String, _ clock: TestClock, _ withholding: Set<String>
  ) throws {
    let store = try ExamStore(path: ExamClient.storePath(in: folder), at: DeviceInstant(clock.read()))
    defer { store.close() }
    let identity = try store.makeIdentity()
    try store.pinServerKey(exam.server.publicKey)
    try store.storeGrant(exam.grant(device: identity.signingKey), user: "wang")
    let blobs = try exam.blobs()
    _ = try store.store(TestExam.delta(exam.candidate, try exam.candidateRecords()))
    _ = try store.store(TestExam.delta(exam.exam, exam.examRecords(blobs.record)))
    for (index, blob) in blobs.bytes.enumerated() {
      if withholding.contains("paper"), index == 1 { continue }
      if withholding.contains("picture"), index == 2 { continue }
      _ = try store.append(blob.sealed, at: 0, to: blob.reference)
      _ = try store.verify(blob.reference)
    }
  }

  /// Opens and joins.
  @discardableResult
  func joined() async throws -> JoinReceipt {
    try await client.open()
    return try await client.join(code: TestExam.code)
  }

  /// Opens, joins, knows the server's time, and starts.
  @discardableResult
  func started() async throws -> PresentedPaper {
    try await joined()
    await client.learnTime(clock.read().wallMilliseconds)
    return try await client.start()
  }

  /// Closes and opens again, as after a restart of the app.
  func restart() async throws {
    await client.close()
    try await client.open()
  }
}

extension ExamClient {
  /// As from a response of the server that came at once.
  func learnTime(_ server: Int64) {
    let now = reading()
    serverTime.take(
      receivedAt: server, sentAt: server, requestedAt: now.bootMilliseconds, arrived: now)
    updateBell()
    sealIfBellRang()
  }

  /// As from a sync round that brought these records of the candidate's scope.
  func receive(_ records: [(String, String, [UInt8])], of scope: ID128) throws {
    guard let store else { return }
    let cursor = try store.cursors(of: [scope])[0].cursor
    _ = try store.store(TestExam.delta(scope, records, from: cursor))
    takeRecords(collections: Set(records.map(\.0)))
  }

  func forgetBlob(_ digest: Digest256) throws {
    try store?.removeBlob(digest)
  }
}

/// The error that a body throws.
func refusal(_ body: () async throws -> Void) async -> ExamClientError? {
  do {
    try await body()
    return nil
  } catch {
    return error as? ExamClientError
  }
}
