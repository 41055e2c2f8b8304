import CBaseline
import Foundation
import Glibc
import SQLite

/// CLOCK_MONOTONIC.
enum MonotonicNanoseconds {
  static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// Processor time in seconds.
enum ProcessorTime {
  static var ofThread: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
  }

  /// User and system time of a whole process; `nil` if it is gone.
  static func of(process: pid_t) -> Double? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}

/// How busy the machine is with other things than the measurement.
struct ProcessorWatch {
  private let busy: Double
  private let own: Double
  private let start: UInt64

  init() {
    busy = Self.busySeconds
    own = Self.ownSeconds
    start = MonotonicNanoseconds.now
  }

  /// The share of all processors that other programs took since then. Children count as ours once they have ended.
  func othersShare(processors: Int) -> Double {
    Self.othersShare(
      busy: Self.busySeconds - busy, own: Self.ownSeconds - own,
      seconds: Double(MonotonicNanoseconds.now - start) / 1_000_000_000, processors: processors)
  }

  /// - Parameters:
  ///   - busy: seconds of all processors' work.
  ///   - own: seconds of it that are this program's.
  static func othersShare(busy: Double, own: Double, seconds: Double, processors: Int) -> Double {
    seconds > 0 ? max(0, (busy - own) / seconds / Double(processors)) : 0
  }

  private static var busySeconds: Double {
    let text = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)) ?? ""
    return busyTicks(text) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// User, nice, system, interrupt, soft interrupt and stolen time of all processors in `/proc/stat`.
  static func busyTicks(_ text: String) -> Double {
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("cpu ") }) else { return 0 }
    let fields = line.split(separator: " ").dropFirst().map { Double($0) ?? 0 }
    guard fields.count >= 8 else { return 0 }
    return fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7]
  }

  private static var ownSeconds: Double {
    [RUSAGE_SELF, RUSAGE_CHILDREN].reduce(0) { sum, who in
      var usage = rusage()
      getrusage(__rusage_who_t(who.rawValue), &usage)
      let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
      let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
      return sum + Double(seconds) + Double(microseconds) / 1_000_000
    }
  }
}

/// What a process holds.
enum ProcessMemory {
  /// Gives back to the kernel what this process has set free and not used again, so that what is left is in use.
  static func giveBack() {
    DiskBlocks.clear()
    cbaseline_trim()
  }

  /// Resident bytes; `nil` if the process is gone.
  static func residentBytes(of process: pid_t) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8) else { return nil }
    let fields = text.split(separator: " ")
    guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}

extension BenchReport.Machine {
  /// The machine that this process runs on.
  static var own: BenchReport.Machine {
    var name = utsname()
    uname(&name)
    let kernel = withUnsafeBytes(of: &name.release) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    #if DEBUG
      let isReleaseBuild = false
    #else
      let isReleaseBuild = true
    #endif
    return BenchReport.Machine(
      processors: ProcessInfo.processInfo.activeProcessorCount, model: processorModel, kernel: kernel,
      sqlite: LibraryVersion.linked.description, isReleaseBuild: isReleaseBuild)
  }

  private static var processorModel: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") where line.hasPrefix("model name") {
      return line.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "processor"
    }
    return "processor"
  }
}
