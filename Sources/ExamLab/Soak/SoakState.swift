import Foundation
import Glibc

/// How far a soak has come: `soak.json`. Written whole and synced before its name, so that a soak that is killed at
/// any moment finds the state of its last finished slice.
public struct SoakState: Codable, Sendable, Equatable {
  /// What a lane has done.
  public struct Lane: Codable, Sendable, Equatable {
    public var runs = 0
    public var failureCount = 0
    /// The first failures, in words.
    public var failures: [String] = []
    public var seconds = 0.0
    /// The commits that its runs were made with, in order.
    public var commits: [String] = []
    /// Taken after a slice.
    public var memory: [MemorySample] = []

    public init() {}
  }

  /// The laboratory's own resident memory.
  public struct MemorySample: Codable, Sendable, Equatable {
    public var runs: Int
    public var residentBytes: Int
  }

  /// The format of this file.
  public var version = 1
  public var seed: UInt64
  public var startedAt: String
  public var updatedAt: String
  public var lanes: [String: Lane] = [:]

  static let failuresKept = 100
  static let samplesKept = 512

  public init(seed: UInt64, now: String) {
    self.seed = seed
    startedAt = now
    updatedAt = now
  }

  /// Counts a slice in.
  public mutating func add(
    _ result: LaneResult, to name: String, seconds: Double, residentBytes: Int?, commit: String, now: String
  ) {
    var lane = lanes[name] ?? Lane()
    lane.runs += result.runs
    lane.failureCount += result.failures.count
    lane.failures = Array((lane.failures + result.failures).prefix(Self.failuresKept))
    lane.seconds += seconds
    if lane.commits.last != commit { lane.commits.append(commit) }
    if let residentBytes { lane.memory.append(MemorySample(runs: lane.runs, residentBytes: residentBytes)) }
    // Every other sample goes when there are too many: the file stays small however long the soak is.
    if lane.memory.count > Self.samplesKept {
      lane.memory = lane.memory.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
    }
    lanes[name] = lane
    updatedAt = now
  }

  // MARK: - The file

  /// Reads the state; `nil` if there is none yet.
  ///
  /// - Throws: ``RoomError`` for a file that is no state, which is never overwritten.
  public static func read(_ path: String) throws -> SoakState? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    do {
      let state = try JSONDecoder().decode(SoakState.self, from: data)
      guard state.version == 1 else { throw RoomError("version \(state.version)") }
      return state
    } catch {
      throw RoomError("\(path) is not the state of a soak: move it away to begin anew. \(error)")
    }
  }

  /// Writes it to a file beside, syncs that, gives it the name, and syncs the folder.
  public func write(_ path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(self)
    let draft = Self.draft(of: path)
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RoomError("\(draft) cannot be written: \(errnoText)") }
    var isWritten = Self.write(data, to: descriptor)
    isWritten = isWritten && fsync(descriptor) == 0
    close(descriptor)
    guard isWritten, rename(draft, path) == 0 else { throw RoomError("\(path) cannot be written: \(errnoText)") }
    let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
    guard folder >= 0, fsync(folder) == 0 else { throw RoomError("the folder of \(path) cannot be synced") }
    close(folder)
  }

  static func draft(of path: String) -> String { path + ".new" }

  private static func write(_ data: Data, to descriptor: Int32) -> Bool {
    data.withUnsafeBytes { bytes in
      var offset = 0
      while offset < bytes.count {
        let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return false }
        offset += count
      }
      return true
    }
  }
}

/// What no failure in n runs says about the rate of failures.
///
/// J. A. Hanley and A. Lippman-Hand, “If nothing goes wrong, is everything all right? Interpreting zero numerators”,
/// JAMA 249 (1983) 1743–1745: the upper end of a 95 % confidence interval is 3/n, for n above 30.
public enum RuleOfThree {
  public static let source = "rule of three: Hanley and Lippman-Hand, JAMA 249 (1983) 1743–1745"

  /// The upper 95 % bound on the rate; `nil` for 30 runs and fewer, where it does not hold.
  public static func bound(runs: Int) -> Double? {
    runs > 30 ? 3 / Double(runs) : nil
  }

  /// `0 failures in 1000 (95 % bound 3/1000 = 0.30 %)`.
  public static func words(failures: Int, runs: Int) -> String {
    let count = Digits.grouped(runs)
    guard failures == 0 else { return "\(Digits.grouped(failures)) failure\(failures == 1 ? "" : "s") in \(count)" }
    guard let bound = bound(runs: runs) else { return "0 failures in \(count) (too few for a bound)" }
    return "0 failures in \(count) (95 % bound 3/\(count) = \(String(format: "%.2g", bound * 100)) %)"
  }
}
