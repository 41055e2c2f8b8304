import ArgumentParser
import ExamClient
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Replies, each whole and at once, so that whoever reads them sees them.
enum StandardOutput {
  static func write(_ line: String) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { systemWrite(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

/// The lines of a script. Confined to the script's thread.
final class LineReader: @unchecked Sendable {
  private let descriptor: Int32
  private var pending: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  /// A line holds one answer of at most 64 KiB; a longer one is cut and refused by the command that reads it.
  private static let lineBytes = 1024 * 1024

  init(script: String) throws {
    guard script != "-" else {
      descriptor = STDIN_FILENO
      return
    }
    descriptor = open(script, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ValidationError("The script \(script) cannot be read.") }
  }

  /// The next line without its end; `nil` after the last.
  func next() -> String? {
    while true {
      if let end = pending[start...].firstIndex(of: 0x0A) {
        defer { start = end + 1 }
        return text(pending[start..<end])
      }
      if isAtEnd || pending.count - start > Self.lineBytes {
        guard start < pending.count else { return nil }
        defer { start = pending.count }
        return text(pending[start...])
      }
      fill()
    }
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.last == 0x0D ? bytes.dropLast() : bytes, as: UTF8.self)
  }

  private func fill() {
    pending.removeFirst(start)
    start = 0
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0, errno == EINTR { return }
    if count > 0 { pending += buffer[..<count] } else { isAtEnd = true }
  }
}

/// Waits on a thread of one's own for something asynchronous.
func waitFor<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
  let box = ResultBox<Value>()
  Task { box.fill(await body()) }
  return box.wait()
}

private final class ResultBox<Value: Sendable>: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// Guarded by the mutex.
  private var value: Value?

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func fill(_ result: Value) {
    pthread_mutex_lock(mutex)
    value = result
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  func wait() -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      if let value { return value }
      pthread_cond_wait(condition, mutex)
    }
  }
}

/// SIGTERM and SIGINT close the store cleanly, whichever thread the system hands them to.
enum SignalWatch {
  /// Where the handler writes; a handler may do nothing but write.
  private static let writeEnd = Atomic<Int32>(-1)

  /// Runs `body` at the first such signal, and exits with 0.
  static func onTermination(_ body: @escaping @Sendable () async -> Void) {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return }
    let readEnd = ends[0]
    writeEnd.store(ends[1], ordering: .sequentiallyConsistent)
    for number in [SIGTERM, SIGINT] {
      signal(number) { _ in
        var byte: UInt8 = 1
        _ = systemWrite(SignalWatch.writeEnd.load(ordering: .sequentiallyConsistent), &byte, 1)
      }
    }
    BackgroundThread.start {
      var byte: UInt8 = 0
      while read(readEnd, &byte, 1) < 0, errno == EINTR {}
      waitFor { await body() }
      exit(0)
    }
  }
}

/// Hexadecimal text of arguments.
enum HexText {
  static func decode(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard digits[index] != 0x2B, digits[index] != 0x2D,
        let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
