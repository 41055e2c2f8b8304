import ExamModel
import Foundation

/// What is done to a phone or to the network, in the shape of the faults of the public suite (``PublishedFigures``).
public enum PartitionFault: String, Codable, CaseIterable, Sendable {
  /// The app is told that there is no network.
  case disconnect
  /// Nothing from the phone arrives.
  case outbound
  /// Nothing from the server arrives.
  case inbound
  /// Nothing arrives either way.
  case both
  /// Every connection is reset, and then nothing passes.
  case cut
  /// SIGSTOP.
  case pause
  /// SIGKILL, and a restart on the same store.
  case kill

  var title: String {
    switch self {
    case .disconnect: "disconnect, connect"
    case .outbound: "partition, outbound only"
    case .inbound: "partition, inbound only"
    case .both: "partition, both ways"
    case .cut: "connections reset, then both ways"
    case .pause: "process pause, resume"
    case .kill: "process kill, start"
    }
  }
}

/// What `exam-lab partition` is asked for.
public struct PartitionOptions: Sendable {
  /// The folder with the commands `exam-server` and `exam-client`.
  public var binaries: String
  /// Where the report is written, and where runs take place.
  public var outputFolder: String
  public var runs = 100
  /// Everything random comes from it.
  public var seed: UInt64 = 20_261_121
  /// Phones of each run.
  public var phones = 3
  /// Runs at the same time.
  public var jobs = WaitingRuns.defaultJobs

  public init(binaries: String, outputFolder: String) {
    self.binaries = binaries
    self.outputFolder = outputFolder
  }

  func validate() throws {
    guard (1...1_000_000).contains(runs) else { throw RoomError("--runs takes 1 to 1000000, not \(runs)") }
    guard (1...50).contains(phones) else { throw RoomError("--phones takes 1 to 50, not \(phones)") }
    guard (1...64).contains(jobs) else { throw RoomError("--jobs takes 1 to 64, not \(jobs)") }
  }
}

/// One run, drawn from the seed before anything runs.
struct PartitionPlan: Sendable {
  struct Round: Sendable {
    var quietMilliseconds: Int
    var faultMilliseconds: Int
    /// The phones that it strikes: one to all.
    var seats: [Int]
  }

  var fault: PartitionFault
  var rounds: [Round]
  /// Between two saves of all phones.
  var pauseMilliseconds: Int

  init(seed: UInt64, run: Int, phones: Int) {
    var generator = OrderGenerator(seed: seed, label: "partition \(run)")
    let faults = PartitionFault.allCases
    fault = faults[run % faults.count]
    // Most are shorter than any deadline of the protocol; one in twenty outlasts back-offs and the progress deadline.
    let isLong = run / faults.count % 20 == 19
    rounds = (0..<2).map { round in
      var seats = Array(0..<phones)
      generator.shuffle(&seats)
      return Round(
        quietMilliseconds: generator.number(in: 10...200),
        faultMilliseconds: generator.number(in: isLong && round == 0 ? 3_000...18_000 : 50...450),
        seats: seats.prefix(generator.number(in: 1...phones)).sorted())
    }
    pauseMilliseconds = generator.number(in: 5...40)
  }
}

/// What one run showed.
public struct PartitionOutcome: Codable, Sendable {
  public var fault: PartitionFault
  public var comparison: KillOutcome

  public var isClean: Bool { comparison.isClean }
}
