/// What a room of phones is made of.
public struct RoomOptions: Sendable {
  /// Phones, each a process of its own.
  public var candidates = 40
  /// Everything random comes from it.
  public var seed: UInt64 = 20_261_121
  /// From the opening of the paper to the bell.
  public var examSeconds = 45
  /// Times that each phone's process is killed with SIGKILL, at random moments.
  public var killsPerCandidate = 2
  /// Whether the server is killed once in the middle.
  public var killsServer = true
  /// The folder with `paper.json` and `roster.csv`.
  public var sample: String
  /// The folder with the commands `exam-server` and `exam-client`.
  public var binaries: String
  /// Where the report is written; made anew.
  public var outputFolder: String
  /// A folder of recorded links (`*.up`, `*.down`); `nil` for generated links only.
  public var traces: String?
  /// Every phone follows a recorded link; needs ``traces``.
  public var usesRecordedLinksOnly = false
  /// Whether progress is drawn on a terminal.
  public var showsProgress = true

  public init(sample: String, binaries: String, outputFolder: String) {
    self.sample = sample
    self.binaries = binaries
    self.outputFolder = outputFolder
  }

  func validate() throws {
    guard (1...500).contains(candidates) else { throw RoomError("--candidates takes 1 to 500, not \(candidates)") }
    guard (8...600).contains(examSeconds) else { throw RoomError("--exam-seconds takes 8 to 600, not \(examSeconds)") }
    guard !usesRecordedLinksOnly || traces != nil else {
      throw RoomError("--recorded-only needs recordings: name their folder with --traces")
    }
    guard (0...20).contains(killsPerCandidate) else { throw RoomError("--kills takes 0 to 20") }
  }
}
