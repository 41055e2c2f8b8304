import Foundation

/// The kinds of faults of `exam-lab kill`.
public enum KillLaneName: String, Codable, CaseIterable, Sendable {
  /// SIGKILL at a system call of a save.
  case save
  /// SIGKILL at a system call of a sync round.
  case sync
  /// SIGKILL at a system call of an opening or a closing.
  case open
  /// A system call of the phone's storage fails with EIO or ENOSPC.
  case error
  /// SIGKILL of the server while phones push.
  case server
  /// SIGSTOP and SIGCONT of phones and server.
  case pause
  /// A disk that is really full, under a phone and under the server.
  case full

  var title: String {
    switch self {
    case .save: "phone killed in a save"
    case .sync: "phone killed in a sync round"
    case .open: "phone killed in an opening or closing"
    case .error: "phone's storage fails (EIO, ENOSPC)"
    case .server: "server killed under load"
    case .pause: "phone or server stopped for a while"
    case .full: "disk full"
    }
  }

  var needsTracer: Bool { [.save, .sync, .open, .error].contains(self) }

  /// Of twenty runs, how many are of this kind.
  var weight: Int {
    switch self {
    case .save: 6
    case .sync, .open: 4
    case .error: 3
    case .server, .pause, .full: 1
    }
  }

  /// Reads `save,sync`.
  public static func list(parsing text: String) throws -> [KillLaneName] {
    try text.split(separator: ",").map { name in
      guard let lane = KillLaneName(rawValue: name.trimmingCharacters(in: .whitespaces)) else {
        let names = allCases.map(\.rawValue).joined(separator: ", ")
        throw RoomError("there is no kind of kill “\(name)”; use \(names)")
      }
      return lane
    }
  }
}

/// What `exam-lab kill` is asked for.
public struct KillOptions: Sendable {
  /// The folder with the commands `exam-server` and `exam-client`.
  public var binaries: String
  /// Where the report is written, and where runs take place; made anew.
  public var outputFolder: String
  public var runs = 200
  /// Everything random comes from it.
  public var seed: UInt64 = 20_261_121
  public var lanes = KillLaneName.allCases
  /// Runs at the same time.
  public var jobs = WaitingRuns.defaultJobs
  public var showsProgress = true

  public init(binaries: String, outputFolder: String) {
    self.binaries = binaries
    self.outputFolder = outputFolder
  }

  func validate() throws {
    guard (1...1_000_000).contains(runs) else { throw RoomError("--runs takes 1 to 1000000, not \(runs)") }
    guard (1...64).contains(jobs) else { throw RoomError("--jobs takes 1 to 64, not \(jobs)") }
    guard !lanes.isEmpty else { throw RoomError("--only names no kind of kill") }
  }
}

/// What one run showed.
public struct KillOutcome: Codable, Sendable {
  public var lane: KillLaneName
  /// The run's number, which with the seed gives the same run again.
  public var run: Int
  /// Where it was killed or what failed, as it was found in the trace; `nil` where the fault never came.
  public var point: String?
  /// Answers that the phone confirmed as saved.
  public var confirmed = 0
  /// Confirmed, and missing afterwards.
  public var lost: [String] = []
  /// Another value than was confirmed, an answer twice, a save confirmed after the storage failed.
  public var wrong: [String] = []
  /// The run did not come to its end as it has to: no opening, no sync in time, an unsound status.
  public var failures: [String] = []
  /// From the restart to its `ready`, as the phone measured it.
  public var openMilliseconds: Double?
  /// From the end of the fault until nothing was pending.
  public var healMilliseconds: Int?
  /// Says what was seen where it deserves a word.
  public var note: String?

  public var isClean: Bool { lost.isEmpty && wrong.isEmpty && failures.isEmpty }
  public var problems: [String] { lost + wrong + failures }

  init(_ lane: KillLaneName, run: Int) {
    self.lane = lane
    self.run = run
  }
}
