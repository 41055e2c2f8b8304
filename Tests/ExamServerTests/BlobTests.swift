import ExamModel
import Foundation
import SyncProtocol
import Testing

@testable import ExamServer

@Suite(.timeLimit(.minutes(10))) struct BlobTests {
  private let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

  private func withBlob(_ body: (TestServer, String) async throws -> Void) async throws {
    let server = try await TestServer()
    let digest = Hash.sha256(bytes)
    try BlobStore(directory: server.directory.blobs).write(bytes, digest: digest)
    do { try await body(server, "/v1/blobs/\(digest.hex)") } catch {
      await server.end()
      throw error
    }
    await server.end()
  }

  private func get(_ path: String, _ fields: [String] = []) -> String {
    "GET \(path) HTTP/1.1\r\nHost: exam\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  @Test func aBlobIsPublicAndImmutable() async throws {
    try await withBlob { (server, path) async throws in
      let answer = try #require(try await server.exchange(get(path)))
      #expect(answer.status == 200)
      #expect(answer.body == bytes)
      #expect(answer.headers["cache-control"] == "public, max-age=31536000, immutable")
      #expect(answer.headers["accept-ranges"] == "bytes")
      let tag = try #require(answer.headers["etag"])
      #expect(tag == "\"\(Hash.sha256(bytes).hex)\"")
      let again = try #require(try await server.exchange(get(path, ["If-None-Match: \(tag)"])))
      #expect(again.status == 304)
      #expect(again.body.isEmpty)
    }
  }

  @Test func aTransferResumesByRange() async throws {
    try await withBlob { (server, path) async throws in
      let connection = try server.connect()
      var read: [UInt8] = []
      while read.count < bytes.count {
        connection.send(get(path, ["Range: bytes=\(read.count)-\(read.count + 65_535)"]))
        let answer = try #require(try await connection.receive())
        #expect(answer.status == 206)
        let last = read.count + answer.body.count - 1
        #expect(answer.headers["content-range"] == "bytes \(read.count)-\(last)/\(bytes.count)")
        read += answer.body
      }
      #expect(read == bytes)
    }
  }

  @Test func rangesOutsideAreRefused() async throws {
    try await withBlob { (server, path) async throws in
      let answer = try await server.exchange(get(path, ["Range: bytes=200000-"]))
      #expect(answer?.status == 416)
      #expect(answer?.problem == "range-not-satisfiable")
      #expect(answer?.headers["content-range"] == "bytes */\(bytes.count)")
      // An If-Range of other bytes makes the range meaningless: the whole is sent.
      let changed = try await server.exchange(get(path, ["Range: bytes=5-9", "If-Range: \"other\""]))
      #expect(changed?.status == 200)
    }
  }

  /// A client that takes nothing of its answer is cut off; nobody else waits for it.
  @Test func aStalledReaderIsCutOff() async throws {
    let server = try await TestServer { $0.limits.writeStallMilliseconds = 50 }
    let large = [UInt8](repeating: 7, count: 32 << 20)
    let digest = Hash.sha256(large)
    try BlobStore(directory: server.directory.blobs).write(large, digest: digest)
    let stalled = try server.connect()
    stalled.send(get("/v1/blobs/\(digest.hex)"))
    let other = try await server.exchange(get("/v1/server"))
    #expect(other?.status == 200)
    try await waitUntil("the stalled reader is cut off") { server.application.connectionCount == 0 }
    await #expect(throws: RawConnection.Failure.self) { _ = try await stalled.receive() }
    await server.end()
  }

  @Test func anUnknownBlobIsNotFound() async throws {
    try await withBlob { (server, _) async throws in
      let answer = try await server.exchange(get("/v1/blobs/\(Hash.sha256([1, 2, 3]).hex)"))
      #expect(answer?.status == 404)
      #expect(answer?.problem == "not-found")
    }
  }

  @Test func aBlobWithAnotherNameIsNotWritten() throws {
    let store = BlobStore(directory: NSTemporaryDirectory())
    #expect(throws: StorageError.self) { try store.write([1], digest: Hash.sha256([2])) }
    #expect(store.length(Hash.sha256([2])) == nil)
  }

  @Test(
    arguments: [
      (nil, ByteRange.whole), ("bytes=0-0", .part(0..<1)), ("bytes=2-", .part(2..<10)), ("bytes=-3", .part(7..<10)),
      ("bytes=-30", .part(0..<10)), ("bytes=4-100", .part(4..<10)), ("bytes=10-", .unsatisfiable),
      ("bytes=-0", .unsatisfiable), ("bytes=99999999999999999-", .unsatisfiable), ("bytes=5-2", .whole),
      ("bytes=1-2,4-5", .whole), ("bytes=a-b", .whole), ("items=0-1", .whole), ("bytes=", .whole), ("bytes=-", .whole),
      ("bytes=9223372036854775808-", .whole), ("bytes=+1-2", .whole), ("bytes=0x1-2", .whole),
    ] as [(String?, ByteRange)])
  func readsSingleRanges(field: String?, range: ByteRange) {
    #expect(ByteRange.read(field, length: 10) == range)
  }
}
