import Foundation
import Glibc
import Synchronization

/// A real `exam-server` on loopback with its embedded store, driven by its own commands as a shell script would.
final class ServerUnderTest: Sendable {
  let binary: String
  let dataFolder: String
  let devicePort: Int
  let operatorPort: Int
  let identityKey: String
  private let errorFile: String
  private let processID = Mutex<pid_t?>(nil)

  /// Makes a data folder with an identity; the server is not running yet.
  init(binary: String, folder: String) throws {
    self.binary = binary
    dataFolder = "\(folder)/server"
    errorFile = "\(folder)/server-errors.log"
    devicePort = try Self.freePort()
    operatorPort = try Self.freePort()
    let lines = try ChildProcess.run(
      [binary, "init", "--data", dataFolder, "--output", "json"], errorFile: errorFile)
    guard let card = Self.object(lines), let key = card["identityKey"] as? String else {
      throw RoomError("exam-server init printed no identity key: \(lines.joined(separator: " "))")
    }
    identityKey = key
  }

  /// Takes a data folder that was made before, such as a copy of one; the server is not running yet.
  init(binary: String, dataFolder: String, identityKey: String, errorFile: String) throws {
    self.binary = binary
    self.dataFolder = dataFolder
    self.identityKey = identityKey
    self.errorFile = errorFile
    devicePort = try Self.freePort()
    operatorPort = try Self.freePort()
  }

  var address: ProxyAddress { ProxyAddress(host: "127.0.0.1", port: devicePort) }

  /// Its process while it runs.
  var runningProcess: pid_t? { processID.withLock { $0 } }

  /// Starts `serve`, with more options if there are any, and returns once both ports answer.
  func start(_ options: [String] = []) throws {
    let process = try SpawnedServer.spawn(
      [
        binary, "serve", "--data", dataFolder, "--port", "\(devicePort)", "--operator-port", "\(operatorPort)",
      ] + options, errorFile: errorFile)
    processID.withLock { $0 = process }
    // After a SIGKILL it first recomputes every chain that it holds.
    let deadline = MonotonicClock.milliseconds + 60_000
    while MonotonicClock.milliseconds < deadline {
      if Self.answers(devicePort) && Self.answers(operatorPort) { return }
      if waitpid(process, nil, WNOHANG) == process { break }
      usleep(20_000)
    }
    processID.withLock { $0 = nil }
    throw RoomError("exam-server does not come up; see \(errorFile)")
  }

  /// SIGKILL: what was acknowledged must be there afterwards.
  func kill() {
    stop(signal: SIGKILL)
  }

  /// SIGTERM; returns its exit code, or minus the signal.
  @discardableResult
  func stop(signal: Int32 = SIGTERM) -> Int32 {
    guard let process = processID.withLock({ $0 }) else { return 0 }
    _ = Glibc.kill(process, signal)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    processID.withLock { $0 = nil }
    return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
  }

  /// Runs one command of the operator against the running server; gives the lines of its output. While the server is
  /// down it is repeated, as a proctor would.
  @discardableResult
  func command(_ arguments: [String]) throws -> [String] {
    let deadline = MonotonicClock.milliseconds + 20_000
    while true {
      do {
        return try ChildProcess.run(
          [binary] + arguments + ["--data", dataFolder, "--output", "json"], errorFile: errorFile)
      } catch {
        guard MonotonicClock.milliseconds < deadline else { throw error }
        usleep(200_000)
      }
    }
  }

  /// The first line of a command's output as an object.
  func query(_ arguments: [String]) throws -> [String: Any] {
    let lines = try command(arguments)
    guard let object = Self.object(lines) else {
      throw RoomError("exam-server \(arguments.joined(separator: " ")) printed no object")
    }
    return object
  }

  private static func object(_ lines: [String]) -> [String: Any]? {
    let data = Data(lines.joined(separator: "\n").utf8)
    return (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
  }

  /// Ports that were given out: a run whose port another run's server has taken would take that server for its own.
  private static let given = Mutex<Set<Int>>([])
  /// Far more than are in use at once, and far fewer than the system has.
  private static let mostGiven = 8_000

  /// A port of loopback that is free now, and that this process has not given out lately.
  static func freePort() throws -> Int {
    while true {
      let port = try unusedPort()
      let isNew = given.withLock { given in
        if given.count >= mostGiven { given.removeAll() }
        return given.insert(port).inserted
      }
      if isNew { return port }
    }
  }

  private static func unusedPort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard bound else { throw RoomError("no free port on loopback: \(errnoText)") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func answers(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: port)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}

/// Spawns a server with its output in a file.
enum SpawnedServer {
  static func spawn(_ arguments: [String], errorFile: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, errorFile, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    return try SpawnLock.shared.withLock { _ in try Spawning.start(arguments, &actions) }
  }
}
