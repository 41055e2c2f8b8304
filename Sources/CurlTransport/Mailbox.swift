import CCurl
import Synchronization

/// How other threads tell the transport's thread what to do.
final class Mailbox: Sendable {
  enum Command: Sendable {
    case start(UInt64, HTTPRequest, CurlTransport.Completion)
    case cancel(UInt64)
    case closeIdleConnections
  }

  struct Delivery: Sendable {
    var commands: [Command] = []
    var isStopping = false
  }

  private struct State {
    var delivery = Delivery()
    /// The multi handle to wake, as an integer: present only while the thread runs its loop.
    var multi: UInt?
    var hasFinished = false
    var waiters: [CheckedContinuation<Void, Never>] = []

    func wake() {
      // Under the lock, for the handle may be gone right after it. It writes one byte to a pipe.
      guard let multi, let pointer = UnsafeMutableRawPointer(bitPattern: multi) else { return }
      curl_multi_wakeup(pointer)
    }
  }

  private let state = Mutex(State())

  /// False if the transport is shutting down, and then nobody will read the command.
  func post(_ command: Command) -> Bool {
    state.withLock { state in
      guard !state.delivery.isStopping else { return false }
      state.delivery.commands.append(command)
      state.wake()
      return true
    }
  }

  func stop() {
    state.withLock { state in
      guard !state.delivery.isStopping else { return }
      state.delivery.isStopping = true
      state.wake()
    }
  }

  /// Returns once the thread has answered every request and let go of libcurl.
  func waitUntilFinished() async {
    await withCheckedContinuation { continuation in
      let hasFinished = state.withLock { state in
        if !state.hasFinished { state.waiters.append(continuation) }
        return state.hasFinished
      }
      if hasFinished { continuation.resume() }
    }
  }
}

/// The thread's side.
extension Mailbox {
  func open(_ multi: UnsafeMutableRawPointer) {
    let address = UInt(bitPattern: multi)
    state.withLock { $0.multi = address }
  }

  func take() -> Delivery {
    state.withLock { state in
      let delivery = state.delivery
      state.delivery.commands = []
      return delivery
    }
  }

  /// After this nobody touches the multi handle from another thread. Returns what was not taken.
  func close() -> [Command] {
    state.withLock { state in
      state.multi = nil
      state.delivery.isStopping = true
      let commands = state.delivery.commands
      state.delivery.commands = []
      return commands
    }
  }

  func finish() {
    let waiters = state.withLock { state in
      state.hasFinished = true
      let waiters = state.waiters
      state.waiters = []
      return waiters
    }
    for waiter in waiters { waiter.resume() }
  }
}
