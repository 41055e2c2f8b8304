import CurlTransport
import Synchronization
import Testing

/// Every request is answered exactly once, however it ends.
@Suite(.timeLimit(.minutes(10))) struct LifeCycleTests {
  private static let silent: ScriptedServer.Script = { connection in
    _ = connection.readRequest()
    connection.waitForClose()
  }

  private static let prompt: ScriptedServer.Script = { connection in
    while let request = connection.readRequest() {
      connection.reply(String(decoding: request.suffix(8), as: UTF8.self))
    }
  }

  private static func numbered(_ number: Int, to url: String) -> HTTPRequest {
    let digits = String(number)
    let body = String(repeating: "0", count: 8 - digits.count) + digits
    return patient(HTTPRequest(method: .post, url: url, body: Array(body.utf8)))
  }

  /// A request that no deadline ends, however busy the machine is with other tests.
  private static func patient(_ request: HTTPRequest) -> HTTPRequest {
    var request = request
    request.connectTimeoutMilliseconds = 600_000
    request.progressTimeoutMilliseconds = 600_000
    request.responseDeadlineMilliseconds = 600_000
    return request
  }

  @Test func twoHundredAtOnceGetTheirOwnAnswers() async throws {
    try await withServer(Self.prompt) { server in
      let transport = try CurlTransport()
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<200 {
          group.addTask {
            let request = Self.numbered(number, to: server.url)
            return try await transport.send(request).body == request.body
          }
        }
        for try await isOwn in group { #expect(isOwn) }
      }
      let again = try await transport.send(Self.numbered(7, to: server.url))
      #expect(again.connectionWasReused)
    }
  }

  @Test func cancelledTaskThrowsCancellationErrorAndHangsUp() async throws {
    let asked = Gate()
    let hungUp = Gate()
    try await withServer { connection in
      _ = connection.readRequest()
      asked.open()
      if connection.waitForClose() { hungUp.open() }
    } _: { server in
      let transport = try CurlTransport()
      let task = Task { try await transport.send(HTTPRequest(url: server.url)) }
      await asked.wait()
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      await hungUp.wait()
    }
  }

  @Test func cancellationAtAnyMomentIsHeard() async throws {
    try await withServer(Self.silent) { server in
      let transport = try CurlTransport()
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<100 {
          group.addTask {
            let task = Task { try await transport.send(HTTPRequest(url: server.url)) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
          }
        }
      }
    }
  }

  @Test func cancelByHandleAnswersOnce() async throws {
    try await withServer(Self.silent) { server in
      let transport = try CurlTransport()
      let tally = Tally()
      let answered = Gate()
      let handle = transport.start(HTTPRequest(url: server.url)) { result in
        tally.note(0, result)
        answered.open()
      }
      transport.cancel(handle)
      transport.cancel(handle)
      await answered.wait()
      transport.cancel(handle)
      transport.shutdown()
      await transport.waitUntilShutDown()
      #expect(tally.callsByNumber == [0: 1])
      #expect(tally.failuresByCode == [.cancelled: 1])
    }
  }

  @Test func cancelLeavesOthersAlone() async throws {
    try await withServer { connection in
      guard let request = connection.readRequest() else { return }
      if request.starts(with: "GET /slow".utf8) { connection.waitForClose() } else { connection.reply("fast") }
    } _: { server in
      let transport = try CurlTransport()
      let cancelled = Gate()
      let slow = transport.start(HTTPRequest(url: "\(server.url)/slow")) { _ in cancelled.open() }
      let response = try await transport.send(HTTPRequest(url: "\(server.url)/fast"))
      transport.cancel(slow)
      await cancelled.wait()
      #expect(response.body == Array("fast".utf8))
    }
  }

  @Test func shutdownAnswersEverythingInFlightOnce() async throws {
    let asked = Gate(after: 50)
    try await withServer { connection in
      _ = connection.readRequest()
      asked.open()
      connection.waitForClose()
    } _: { server in
      let transport = try CurlTransport()
      let tally = Tally()
      for number in 0..<50 {
        transport.start(Self.numbered(number, to: server.url)) { tally.note(number, $0) }
      }
      await asked.wait()
      // These are in flight, in the mailbox, or too late.
      for number in 50..<80 {
        if number == 65 { transport.shutdown() }
        transport.start(Self.numbered(number, to: server.url)) { tally.note(number, $0) }
      }
      transport.shutdown()
      await transport.waitUntilShutDown()
      #expect(tally.callsByNumber == Dictionary(uniqueKeysWithValues: (0..<80).map { ($0, 1) }))
      #expect(tally.failuresByCode == [.shutDown: 80])
      await #expect(throws: TransportError.self) { try await transport.send(HTTPRequest(url: server.url)) }
    }
  }

  @Test func lettingGoOfATransportShutsItDown() async throws {
    let asked = Gate()
    let answered = Gate()
    let tally = Tally()
    try await withServer { connection in
      _ = connection.readRequest()
      asked.open()
      connection.waitForClose()
    } _: { server in
      var transport: CurlTransport? = try CurlTransport()
      transport?.start(Self.patient(HTTPRequest(url: server.url))) { result in
        tally.note(0, result)
        answered.open()
      }
      await asked.wait()
      transport = nil
      await answered.wait()
      #expect(tally.failuresByCode == [.shutDown: 1])
    }
  }

  @Test func completionMayStartTheNextRequest() async throws {
    try await withServer(Self.prompt) { server in
      let transport = try CurlTransport()
      let done = Gate()
      let tally = Tally()
      @Sendable func next(_ number: Int) {
        transport.start(Self.numbered(number, to: server.url)) { result in
          tally.note(number, result)
          if number < 20 { next(number + 1) } else { done.open() }
        }
      }
      next(0)
      await done.wait()
      #expect(tally.callsByNumber.count == 21)
      #expect(tally.failuresByCode.isEmpty)
      #expect(server.connectionCount == 1)
    }
  }

  @Test func manyTasksStartCancelAndCloseAtOnce() async throws {
    try await withServer(Self.prompt) { server in
      let transport = try CurlTransport()
      let tally = Tally()
      let answered = Gate(after: 400)
      await withTaskGroup(of: Void.self) { group in
        for lane in 0..<8 {
          group.addTask {
            for step in 0..<50 {
              let number = lane * 50 + step
              let handle = transport.start(Self.numbered(number, to: server.url)) { result in
                tally.note(number, result)
                answered.open()
              }
              if step % 3 == 0 { transport.cancel(handle) }
              if step % 10 == 0 { transport.closeIdleConnections() }
            }
          }
        }
      }
      await answered.wait()
      transport.shutdown()
      await transport.waitUntilShutDown()
      #expect(tally.callsByNumber.count == 400)
      #expect(tally.callsByNumber.values.allSatisfy { $0 == 1 })
      #expect(Set(tally.failuresByCode.keys).isSubset(of: [.cancelled]))
    }
  }
}
