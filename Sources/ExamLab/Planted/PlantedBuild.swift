#if PlantedBugs
  import Planted
#endif

/// Which deliberate faults this build holds.
public enum PlantedBuild {
  /// Their names; empty in every build for users.
  public static var bugs: [String] {
    #if PlantedBugs
      PlantedBug.allCases.map(\.rawValue)
    #else
      []
    #endif
  }
}

/// What the hunt for one deliberate fault gave.
public struct PlantedCatch: Codable, Sendable {
  public var bug: String
  public var loss: String
  /// The published failure that it re-creates.
  public var origin: String?
  /// The invariants that were found violated, or the finding of a power cut; `nil` if nothing was.
  public var found: String?
  /// Where: power cuts of phones or servers, or simulated exams.
  public var lane: String?
  /// Power-cut cycles and simulated exams that it took, all lanes together.
  public var runs: Int
  public var seconds: Double
  /// The same run without the fault found nothing.
  public var isCleanWithout: Bool
  /// Choices of the failing run, and after shrinking; `nil` where it was not shrunk.
  public var choices: Int?
  public var choicesAfterShrinking: Int?
  /// The file that repeats it.
  public var plan: String?

  public var isCaught: Bool { found != nil && isCleanWithout }
}

/// How a hunt is made.
public struct PlantedHuntOptions: Sendable {
  /// Seconds after which a fault counts as missed.
  public var secondsLimit = 180.0
  /// Runs that shrinking may take; 0 for none.
  public var shrinkRuns = 300
  public var seed: UInt64 = 1
  /// Where plans are written; `nil` for nowhere.
  public var outputFolder: String?

  public init() {}
}
