import Foundation
import Glibc

/// The tracer that kills a process at one system call, or lets one fail.
enum Strace {
  static let path = "/usr/bin/strace"

  /// Calls that change something that others can see: files, sockets, standard output.
  static let calls = [
    "write", "writev", "pwrite64", "pwritev", "fdatasync", "fsync", "ftruncate", "fallocate", "unlink", "unlinkat",
    "rename", "renameat2", "sendto", "sendmsg", "connect", "mkdir", "openat",
  ]

  /// Why it cannot be used here, and what to do; `nil` if it can.
  static func obstacle(folder: String) -> String? {
    guard access(path, X_OK) == 0 else {
      return "strace is not installed: install it (Debian and Ubuntu: apt-get install strace) and run this again."
    }
    let log = "\(folder)/strace-probe.txt"
    defer { unlink(log) }
    do {
      _ = try ChildProcess.run(
        [path, "-D", "-f", "-o", log, "-e", "trace=write", "-e", "inject=fsync:error=EIO", "/bin/true"],
        errorFile: "\(folder)/strace-errors.log")
      return nil
    } catch {
      return "strace may not trace here: allow ptrace (in a container: --cap-add=SYS_PTRACE). \(error)"
    }
  }

  /// Runs a command with its calls written to a file. The traced process is our own child, and strace its grandchild.
  static func tracing(to log: String) -> [String] {
    [path, "-D", "-f", "-y", "-s", "16", "-o", log, "-e", "trace=\(calls.joined(separator: ","))"]
  }

  /// The same, and the process dies by SIGKILL on entering a call, which then does nothing.
  static func killing(at point: KillPoint, log: String) -> [String] {
    tracing(to: log) + ["-e", "inject=\(point.call):signal=SIGKILL:when=\(point.when)"]
  }

  /// The same, and a call fails: once, or from then on.
  static func failing(at point: KillPoint, error: String, forEver: Bool, log: String) -> [String] {
    tracing(to: log) + ["-e", "inject=\(point.call):error=\(error):when=\(point.when)\(forEver ? "+" : "")"]
  }

  /// The log, once the tracer wrote its last line: the traced process is reaped a moment before that.
  static func finishedLog(_ log: String) -> String {
    let deadline = MonotonicClock.milliseconds + 5_000
    while true {
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      let last = text.split(separator: "\n").last ?? ""
      if text.hasSuffix("\n"), last.contains(" +++ "), threads(text).alive.isEmpty { return text }
      guard MonotonicClock.milliseconds < deadline else { return text }
      usleep(1_000)
    }
  }

  private static func threads(_ text: String) -> (seen: Set<Substring>, alive: Set<Substring>) {
    var seen: Set<Substring> = []
    var ended: Set<Substring> = []
    for line in text.split(separator: "\n") {
      guard let thread = line.split(separator: " ", maxSplits: 1).first else { continue }
      seen.insert(thread)
      if line.contains(" +++ ") { ended.insert(thread) }
    }
    return (seen, seen.subtracting(ended))
  }
}

/// One call in a log of strace.
struct TracedCall: Equatable, Sendable {
  var thread: Int
  var call: String
  /// The file's name without its folder, `stdout` or `socket`; empty for calls that name none.
  var target: String
  /// Which one of this call it is in its thread, counted from 1: what strace counts too.
  var when: Int
  /// How many replies the phone had written before.
  var step: Int
}

/// Where a run is killed: on entering the `when`-th `call` of whichever thread comes to it first.
struct KillPoint: Hashable, Codable, Sendable {
  var call: String
  var when: Int
  /// What the call is about, where it was counted.
  var target: String
  /// The step of the script that it was counted in.
  var step: Int

  var label: String { target.isEmpty ? call : "\(call) \(target)" }
}

/// Reads logs of strace and lists the points where a run can be killed.
enum KillPointCounter {
  /// Every call, in the order in which the tracer saw them.
  static func calls(_ log: String) -> [TracedCall] {
    var counts: [String: Int] = [:]
    var calls: [TracedCall] = []
    var step = 0
    for line in log.split(separator: "\n") {
      guard let space = line.firstIndex(of: " "), let thread = Int(line[..<space]) else { continue }
      let rest = line[space...].drop { $0 == " " }
      guard let parenthesis = rest.firstIndex(of: "("), let first = rest.first, first.isLetter else { continue }
      let call = String(rest[..<parenthesis])
      guard call.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) else { continue }
      counts["\(thread) \(call)", default: 0] += 1
      let target = target(call, rest[rest.index(after: parenthesis)...])
      calls.append(
        TracedCall(
          thread: thread, call: call, target: target, when: counts["\(thread) \(call)"] ?? 1, step: step))
      if target == "stdout" { step += 1 }
    }
    return calls
  }

  /// The points of some steps, in order. A call that another thread is at as often before it cannot be told apart by
  /// the tracer; those are counted as shadowed.
  static func points(_ calls: [TracedCall], steps: ClosedRange<Int>) -> (points: [KillPoint], shadowed: Int) {
    var points: [KillPoint] = []
    var shadowed = 0
    for call in calls where steps.contains(call.step) && isOfInterest(call) {
      let first = calls.first { $0.call == call.call && $0.when == call.when }
      guard first == call else {
        shadowed += 1
        continue
      }
      points.append(KillPoint(call: call.call, when: call.when, target: call.target, step: call.step))
    }
    return (points, shadowed)
  }

  /// Where a run with a fault at `point` met it; `nil` if it never came so far.
  static func struck(_ calls: [TracedCall], at point: KillPoint) -> TracedCall? {
    calls.first { $0.call == point.call && $0.when == point.when }
  }

  /// Wake-ups between the threads of a process change nothing that outlives it, and come as they like.
  private static func isOfInterest(_ call: TracedCall) -> Bool {
    if call.call == "openat" { return call.target.hasPrefix("exam.db") }
    return call.target != "wake-up" && !call.target.isEmpty
  }

  /// The steps in which a save was confirmed although the storage had failed before, and the store had not been opened
  /// anew since.
  static func confirmedAfterFailure(_ calls: [TracedCall], struck: TracedCall, confirmedAt: [Int]) -> [Int] {
    guard let failure = calls.firstIndex(of: struck) else { return [] }
    let reopening = calls[failure...].first { $0.call == "openat" && $0.target == "exam.db" }
    return confirmedAt.filter { step in step >= struck.step && step < reopening?.step ?? Int.max }
  }

  private static func target(_ call: String, _ arguments: Substring) -> String {
    if let open = arguments.firstIndex(of: "<"), arguments[..<open].allSatisfy(\.isNumber),
      let close = arguments[open...].firstIndex(of: ">")
    {
      let descriptor = arguments[..<open]
      if descriptor == "1" { return "stdout" }
      let name = arguments[arguments.index(after: open)..<close]
      if name.hasPrefix("anon_inode") || name.hasPrefix("pipe") || arguments.contains("\"\\1\", 1") { return "wake-up" }
      if name.hasPrefix("socket") || name.hasPrefix("TCP") || name.hasPrefix("UNIX") { return "socket" }
      return fileName(name)
    }
    guard let quote = arguments.firstIndex(of: "\"") else { return "" }
    let path = arguments[arguments.index(after: quote)...].prefix { $0 != "\"" }
    return fileName(path)
  }

  /// Without the folder, and without the number in the name of a phone's own folder.
  private static func fileName(_ path: Substring) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? String(path)
    return name.hasPrefix("phone-") ? "the store's folder" : name
  }
}
