import Glibc
import Synchronization

/// What somebody wants of a running engine.
enum ProxyOrder: Equatable, Sendable {
  case setDirection(link: Int, LinkDirection, isOpen: Bool)
  case setNetwork(link: Int, isUp: Bool)
  case setFaults(link: Int, enabled: Bool)
  case cut(link: Int)
  case arm(link: Int, RequestFault)
  case stop
}

/// Lets one thread wait until another has done something once.
private final class Signal: @unchecked Sendable {
  private let semaphore: UnsafeMutablePointer<sem_t>

  init() {
    semaphore = .allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  func give() { sem_post(semaphore) }

  func wait() {
    while sem_wait(semaphore) != 0 && errno == EINTR {}
  }
}

/// Hands orders from any thread to the loop's thread, and wakes it.
final class ProxyMailbox: Sendable {
  private struct Letter: Sendable {
    var order: ProxyOrder
    var done: Signal?
  }

  private struct State {
    var letters: [Letter] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  /// Readable when there are orders.
  let wakeReader: Int32
  private let wakeWriter: Int32

  init() throws(ProxyError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw ProxyError(code: .system, message: "no pipe can be made: \(String(cString: strerror(errno))).")
    }
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    wakeReader = ends[0]
    wakeWriter = ends[1]
  }

  deinit {
    close(wakeReader)
    close(wakeWriter)
  }

  /// Leaves an order and, if `waits`, returns once it was carried out. False if the loop has ended.
  func post(_ order: ProxyOrder, waits: Bool) -> Bool {
    let signal = waits ? Signal() : nil
    let isOpen = state.withLock { state in
      guard !state.isClosed else { return false }
      state.letters.append(Letter(order: order, done: signal))
      return true
    }
    guard isOpen else { return false }
    var byte: UInt8 = 1
    // A full pipe is as good as one byte: the loop will wake.
    _ = write(wakeWriter, &byte, 1)
    signal?.wait()
    return true
  }

  /// Carries out all orders that lie here.
  func carryOut(_ body: (ProxyOrder) -> Void) {
    for letter in state.withLock({ state in
      defer { state.letters = [] }
      return state.letters
    }) {
      body(letter.order)
      letter.done?.give()
    }
  }

  func drainWake() {
    var bytes = [UInt8](repeating: 0, count: 256)
    while read(wakeReader, &bytes, bytes.count) > 0 {}
  }

  /// Takes no more orders, and lets go of those who wait.
  func shut() {
    let letters = state.withLock { state in
      state.isClosed = true
      defer { state.letters = [] }
      return state.letters
    }
    for letter in letters { letter.done?.give() }
  }
}
