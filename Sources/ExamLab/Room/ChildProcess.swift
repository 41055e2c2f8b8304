import Foundation
import Glibc
import Synchronization

/// A real process that is spoken to by lines: spawned, killed and reaped by its own id.
///
/// Confined to the thread that made it.
final class ChildProcess {
  let processID: pid_t
  private let input: Int32
  private let output: Int32
  private var buffer: [UInt8] = []
  private var isReaped = false
  private(set) var exitStatus: Int32?

  /// Starts `arguments[0]` with pipes on standard input and output; standard error goes to the end of a file.
  init(_ arguments: [String], errorFile: String) throws {
    let spawned = try SpawnLock.shared.withLock { _ in try Self.spawn(arguments, errorFile: errorFile) }
    processID = spawned.process
    input = spawned.input
    output = spawned.output
  }

  private static func spawn(
    _ arguments: [String], errorFile: String
  ) throws -> (process: pid_t, input: Int32, output: Int32) {
    var toChild: [Int32] = [0, 0]
    var fromChild: [Int32] = [0, 0]
    guard makePipe(&toChild) else { throw RoomError("no pipe for a process: \(errnoText)") }
    guard makePipe(&fromChild) else {
      toChild.forEach { _ = close($0) }
      throw RoomError("no pipe for a process: \(errnoText)")
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    posix_spawn_file_actions_addopen(&actions, 2, errorFile, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    defer {
      _ = close(toChild[0])
      _ = close(fromChild[1])
    }
    do {
      return (try Spawning.start(arguments, &actions), toChild[1], fromChild[0])
    } catch {
      _ = close(toChild[1])
      _ = close(fromChild[0])
      throw error
    }
  }

  deinit {
    if !isReaped { kill() }
    _ = close(input)
    _ = close(output)
  }

  /// A pipe that other children do not inherit.
  private static func makePipe(_ ends: inout [Int32]) -> Bool {
    guard pipe(&ends) == 0 else { return false }
    return ends.allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }
  }

  /// Writes one line; `false` if the process is gone.
  func send(_ line: String) -> Bool {
    let bytes = Array((line + "\n").utf8)
    var offset = 0
    while offset < bytes.count {
      let count = bytes[offset...].withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      offset += count
    }
    return true
  }

  enum Line: Equatable {
    case text(String)
    /// The instant came first.
    case timeout
    /// The process closed its output.
    case end
  }

  /// The next line, or what came instead before `deadline` (``MonotonicClock``).
  func readLine(until deadline: Int) -> Line {
    while true {
      if let newline = buffer.firstIndex(of: 10) {
        let text = String(decoding: buffer[..<newline], as: UTF8.self)
        buffer.removeSubrange(...newline)
        return .text(text)
      }
      let remaining = deadline - MonotonicClock.milliseconds
      guard remaining > 0 else { return .timeout }
      var poller = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      guard poll(&poller, 1, Int32(clamping: remaining)) > 0 else { continue }
      var chunk = [UInt8](repeating: 0, count: 65_536)
      let count = Glibc.read(output, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return .end }
      buffer += chunk[..<count]
    }
  }

  /// Ends the process with SIGKILL and reaps it.
  func kill() {
    guard !isReaped else { return }
    _ = Glibc.kill(processID, SIGKILL)
    _ = wait()
  }

  /// Asks the process to end.
  func terminate() {
    if !isReaped { _ = Glibc.kill(processID, SIGTERM) }
  }

  /// Waits for the end. The exit code, or minus the signal.
  @discardableResult
  func wait() -> Int32 {
    if let exitStatus { return exitStatus }
    var status: Int32 = 0
    while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
    isReaped = true
    let signal = status & 0x7f
    let result = signal == 0 ? (status >> 8) & 0xff : -signal
    exitStatus = result
    return result
  }

  /// Runs a command to its end and gives its standard output.
  static func run(_ arguments: [String], errorFile: String, timeoutMilliseconds: Int = 120_000) throws -> [String] {
    let process = try ChildProcess(arguments, errorFile: errorFile)
    let deadline = MonotonicClock.milliseconds + timeoutMilliseconds
    var lines: [String] = []
    reading: while true {
      switch process.readLine(until: deadline) {
      case .text(let line): lines.append(line)
      case .end: break reading
      case .timeout:
        process.kill()
        throw RoomError("\(arguments.joined(separator: " ")) did not end in \(timeoutMilliseconds / 1000) s")
      }
    }
    let status = process.wait()
    guard status == 0 else {
      let errors = (try? String(contentsOfFile: errorFile, encoding: .utf8)) ?? ""
      throw RoomError(
        "\(arguments.prefix(4).joined(separator: " ")) ended with \(status): \(errors.suffix(600))")
    }
    return lines
  }
}

/// One spawn at a time: between the making of a pipe and its close-on-exec flag no other child may be born, or it
/// would hold the pipe open and hide the end of its owner.
enum SpawnLock {
  static let shared = Mutex(())
}

enum Spawning {
  /// A write to a process that was killed must be an error and not the end of the lab.
  private static let ignoresBrokenPipes: Bool = {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = SIG_IGN
    return sigaction(SIGPIPE, &action, nil) == 0
  }()

  /// Starts a child with the default handling of signals; the caller holds ``SpawnLock``.
  static func start(
    _ arguments: [String], _ actions: inout posix_spawn_file_actions_t
  ) throws -> pid_t {
    guard ignoresBrokenPipes else { throw RoomError("SIGPIPE cannot be ignored: \(errnoText)") }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    sigaddset(&defaults, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    argv.append(nil)
    defer { argv.forEach { free($0) } }
    var child: pid_t = 0
    let status = posix_spawn(&child, arguments[0], &actions, &attributes, argv, environ)
    guard status == 0 else {
      throw RoomError("\(arguments[0]) does not start: \(String(cString: strerror(status)))")
    }
    return child
  }
}

/// CLOCK_MONOTONIC, as the proxy's events have it.
enum MonotonicClock {
  static var milliseconds: Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
}

/// Milliseconds since 1970.
enum WallClock {
  static var milliseconds: Int {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
}

/// Why a room could not be run; says what to do next where there is something to do.
public struct RoomError: Error, Sendable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) {
    self.description = description
  }
}

var errnoText: String { String(cString: strerror(errno)) }
