import ExamClient
import ExamModel
import Foundation

/// The real engine with an exam that has begun, and no network while saves are measured.
struct SaveClient {
  private let client: ExamClient

  init(_ room: BenchRoom, folder: String) async throws {
    guard let key = Hex.decode(room.server.identityKey) else { throw RoomError("the server's key is not hexadecimal") }
    let configuration = ExamClientConfiguration(
      storeFolder: folder, serverURL: "http://127.0.0.1:\(room.server.devicePort)", serverKey: key,
      automaticallySync: true, appVersion: "3.4.2")
    client = try ExamClient(configuration)
    try await client.open()
    _ = try await client.logIn(user: BenchRoom.username(1), password: BenchRoom.password)
    try await client.join(code: room.code)
    let isReady = await client.wait(timeoutMilliseconds: 30_000) { status, _ in status.downloads.isReady }
    guard isReady else {
      throw RoomError("ExamClient did not get the paper within 30 s")
    }
    _ = try await client.start()
    await client.networkChanged(isReachable: false)
  }

  /// Nanoseconds until the save is on the disk and the caller knows.
  func save(_ item: String, _ value: AnswerValue) async throws -> UInt64 {
    let start = MonotonicNanoseconds.now
    _ = try await client.answer(item, value)
    return MonotonicNanoseconds.now - start
  }

  func close() async { await client.close() }
}
