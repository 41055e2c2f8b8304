import CurlTransport
import Synchronization
import Testing

/// A response body is expected to be this error's absence.
func transportError(
  of request: HTTPRequest, options: TransportOptions = TransportOptions(),
  sourceLocation: SourceLocation = #_sourceLocation
) async throws -> TransportError {
  let transport = try CurlTransport(options: options)
  return try #require(
    await #expect(throws: TransportError.self, sourceLocation: sourceLocation) { try await transport.send(request) },
    sourceLocation: sourceLocation)
}

/// Counts how often each of several completions was called.
final class Tally: Sendable {
  private let counts = Mutex<[Int: Int]>([:])
  private let codes = Mutex<[TransportError.Code: Int]>([:])

  func note(_ number: Int, _ result: Result<HTTPResponse, TransportError>) {
    counts.withLock { $0[number, default: 0] += 1 }
    if case .failure(let error) = result { codes.withLock { $0[error.code, default: 0] += 1 } }
  }

  var callsByNumber: [Int: Int] { counts.withLock { $0 } }
  var failuresByCode: [TransportError.Code: Int] { codes.withLock { $0 } }
}

/// Lets a test wait until something has happened a number of times, without a clock.
final class Gate: Sendable {
  private struct State {
    var openings: Int
    var waiters: [CheckedContinuation<Void, Never>] = []
  }
  private let state: Mutex<State>

  init(after openings: Int = 1) {
    state = Mutex(State(openings: openings))
  }

  func open() {
    let waiters = state.withLock { state in
      state.openings -= 1
      guard state.openings <= 0 else { return [CheckedContinuation<Void, Never>]() }
      let waiters = state.waiters
      state.waiters = []
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if state.openings > 0 { state.waiters.append(continuation) }
        return state.openings <= 0
      }
      if isOpen { continuation.resume() }
    }
  }
}
