import ExamModel
import Foundation
import NIOCore
import NIOPosix
import ServerCore
import SyncProtocol
import Testing

@testable import ExamServer

@Suite struct WriterQueueTests {
  private func job() -> WriterJob { WriterJob(task: .call(.tick), sink: .nobody) }

  @Test func aFullQueueTurnsOrdinaryCallsAwayAndStillTakesSeals() {
    let queue = WriterQueue(limit: 2)
    #expect(queue.append(job(), priority: .ordinary))
    #expect(queue.append(job(), priority: .ordinary))
    #expect(!queue.append(job(), priority: .ordinary))
    // A poll that was admitted when it came is never turned away; seals have places of their own.
    #expect(queue.append(job(), priority: .admitted))
    #expect(queue.append(job(), priority: .urgent))
    #expect(queue.append(job(), priority: .urgent))
    #expect(!queue.append(job(), priority: .urgent))
    #expect(queue.count == 5)
  }

  @Test func urgentCallsComeFirst() throws {
    let queue = WriterQueue(limit: 8)
    #expect(queue.append(WriterJob(task: .call(.credentials(username: "a")), sink: .nobody), priority: .ordinary))
    #expect(queue.append(WriterJob(task: .call(.credentials(username: "b")), sink: .nobody), priority: .urgent))
    var batch: [WriterJob] = []
    #expect(queue.take(into: &batch, count: 8, until: .distantFuture))
    let names = batch.compactMap { job in
      if case .call(.credentials(let name)) = job.task { name } else { nil }
    }
    #expect(names == ["b", "a"])
  }

  @Test func aBatchIsBoundedAndAClosedQueueIsWorkedOff() {
    let queue = WriterQueue(limit: 8)
    for _ in 0..<5 { #expect(queue.append(job(), priority: .ordinary)) }
    queue.close()
    #expect(!queue.append(job(), priority: .urgent))
    var sizes: [Int] = []
    var batch: [WriterJob] = []
    while queue.take(into: &batch, count: 2, until: .distantFuture) {
      sizes.append(batch.count)
      batch.removeAll(keepingCapacity: true)
    }
    #expect(sizes == [2, 2, 1])
  }
}

@Suite struct IdentityPartTests {
  @Test func triesAreCountedForANameAndAnAddressTogether() {
    let throttle = LoginThrottle(triesPerMinute: 2)
    for _ in 0..<2 { #expect(throttle.countTry(username: "Wang", address: "a", now: 1_000) == nil) }
    #expect(throttle.countTry(username: "wang", address: "a", now: 1_500) == 60)
    #expect(throttle.countTry(username: "wang", address: "b", now: 1_500) == nil)
    #expect(throttle.countTry(username: "zhao", address: "a", now: 1_500) == nil)
    // The window ends, a right password ends it, and a clock that goes back begins a new one.
    #expect(throttle.countTry(username: "wang", address: "a", now: 61_000) == nil)
    throttle.forget(username: "zhao", address: "a")
    #expect(throttle.countTry(username: "zhao", address: "a", now: 1_600) == nil)
    #expect(throttle.countTry(username: "wang", address: "a", now: 500) == nil)
  }

  @Test func placesForPasswordsAreBounded() {
    let workers = PasswordWorkers(threads: 0, queue: 2)
    #expect(workers.reserve() && workers.reserve())
    #expect(!workers.reserve())
    workers.release()
    #expect(workers.reserve())
    workers.stop()
    workers.release()
    #expect(!workers.reserve())
  }

  @Test func tokensAreLongAndNeverTheSame() {
    let tokens = Set((0..<100).map { _ in OperatorToken.make() })
    #expect(tokens.count == 100)
    #expect(tokens.allSatisfy { $0.utf8.count == 9 + 43 })
  }
}

@Suite struct TextPartTests {
  @Test func problemsCannotCarryMoreThanText() throws {
    let problem = Problem(.internal, "a \"quote\", a \\, a line\r\nbreak and \u{7F}")
    let json = ProblemDocument.json(problem, instance: "/v1/\u{1}\"x")
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
    #expect(object["status"] as? Int == 500)
    #expect(object["type"] as? String == "urn:examsync:problem:internal")
    #expect((object["detail"] as? String)?.contains("\n") == false)
    #expect(object["next_actor"] as? String == "support")
    #expect(ProblemDocument.json(Problem(.internal, String(repeating: "\u{1F600}", count: 9_000))).count < 8_192)
  }

  @Test(arguments: ["room 3", "a/b?c=d&e#f%", "赵", "\u{0}\n"])
  func targetsSurviveTheirEncoding(text: String) {
    #expect(PercentCoding.decode(PercentCoding.encode(text)) == text)
  }

  @Test(arguments: ["%", "%4", "%zz", "%ff", "%C3%28"])
  func brokenEscapesAreRefused(text: String) {
    #expect(PercentCoding.decode(text) == nil)
  }

  @Test(arguments: [
    "127.0.0.1", "https://127.0.0.1:1", "127.0.0.1:0", "127.0.0.1:65536", ":80", "127.0.0.1:x", "",
  ])
  func addressesOfServersAreReadStrictly(address: String) {
    #expect(throws: OperatorClientError.self) { _ = try OperatorClient(address: address) }
  }

  /// A server that takes the request and says nothing: an operator is told, and warned that it may have worked.
  @Test func serverThatSaysNothingIsGivenUp() async throws {
    let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    defer { silent.close(promise: nil) }
    let port = try #require(silent.localAddress?.port)
    let client = try OperatorClient(address: "127.0.0.1:\(port)", silenceMilliseconds: 200)
    let request = OperatorRequest(method: "POST", path: "/v1/exams", body: [UInt8](repeating: 32, count: 200_000))
    let error = await #expect(throws: OperatorClientError.self) { try await client.send(request) }
    #expect(error?.description.contains("look at the board") == true)
  }
}

@Suite struct DirectoryTests {
  private func folder() throws -> DataDirectory {
    let path = NSTemporaryDirectory() + "examsync-directory-\(ID128.random().hex)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return DataDirectory(path: path)
  }

  @Test func aDirectoryHasOneOwner() throws {
    let directory = try folder()
    defer { try? FileManager.default.removeItem(atPath: directory.path) }
    #expect(DirectoryLock.owner(of: directory) == nil)
    let lock = try DirectoryLock(directory)
    try lock.record(address: "127.0.0.1:8081")
    let owner = try #require(DirectoryLock.owner(of: directory))
    #expect(owner.pid == ProcessInfo.processInfo.processIdentifier)
    #expect(owner.operatorAddress == "127.0.0.1:8081")
    let refusal = #expect(throws: StorageError.self) { _ = try DirectoryLock(directory) }
    #expect(refusal?.message.contains("\(owner.pid)") == true)
    lock.release()
    #expect(DirectoryLock.owner(of: directory) == nil)
  }

  @Test func aBrokenIdentityIsRefused() throws {
    let directory = try folder()
    defer { try? FileManager.default.removeItem(atPath: directory.path) }
    #expect(throws: StorageError.self) { _ = try directory.identity() }
    for text in ["", "zz", String(repeating: "a", count: 62)] {
      try FileSystem.writeDurably(Array(text.utf8), to: directory.identityFile, mode: 0o600)
      #expect(throws: StorageError.self) { _ = try directory.identity() }
    }
    try FileManager.default.removeItem(atPath: directory.identityFile)
    try FileManager.default.createSymbolicLink(atPath: directory.identityFile, withDestinationPath: "/dev/zero")
    #expect(throws: StorageError.self) { _ = try directory.identity() }
  }

  @Test func theReserveIsGivenBackWhenTheDiskIsLow() throws {
    let directory = try folder()
    defer { try? FileManager.default.removeItem(atPath: directory.path) }
    let watch = DiskWatch(directory: directory.path, reservePath: directory.reserve, lowBytes: 0, reserveBytes: 4_096)
    #expect(FileSystem.size(directory.reserve) == 4_096)
    #expect(!watch.isLow)
    let low = DiskWatch(
      directory: directory.path, reservePath: directory.reserve, lowBytes: .max / 4, reserveBytes: 4_096)
    #expect(low.isLow)
    #expect(FileSystem.size(directory.reserve) == nil)
  }

  @Test func aWriteThatFailsLeavesTheOldFile() throws {
    let directory = try folder()
    defer { try? FileManager.default.removeItem(atPath: directory.path) }
    let path = directory.path + "/file"
    try FileSystem.writeDurably([1, 2, 3], to: path, mode: 0o600)
    #expect(throws: StorageError.self) { try FileSystem.writeDurably([4], to: path + "/below", mode: 0o600) }
    #expect(try FileSystem.readAll(path, limit: 10) == [1, 2, 3])
    #expect(throws: StorageError.self) { _ = try FileSystem.readAll(path, limit: 2) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["file"])
  }
}
