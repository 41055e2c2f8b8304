import Foundation
import Synchronization
import Testing

@testable import ExamLab

@Suite struct SoakStateTests {
  private let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "soak-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  /// Says which runs it was asked for; fails where it is told to.
  private final class Lane: SoakLane, Sendable {
    let name: String
    let target: Int
    let sliceRuns = 10
    let asked = Mutex<[Range<Int>]>([])
    private let failing: Int?

    init(_ name: String, target: Int, failing: Int? = nil) {
      self.name = name
      self.target = target
      self.failing = failing
    }

    func run(_ range: Range<Int>) -> LaneResult {
      asked.withLock { $0.append(range) }
      return LaneResult(runs: range.count, failures: range.filter { $0 == failing }.map { "run \($0)" })
    }
  }

  private func options(slices: Int? = nil, seed: UInt64 = 1, commit: String = "abc") -> SoakOptions {
    var options = SoakOptions(outputFolder: folder)
    options.slices = slices
    options.seed = seed
    options.commit = commit
    return options
  }

  private var stateFile: String { "\(folder)/soak.json" }

  @Test func aSoakGoesOnWhereItStopped() throws {
    let first = Lane("one", target: 25)
    #expect(try SoakRunner(options(slices: 2), lanes: [first]).run { _ in })
    #expect(first.asked.withLock { $0 } == [0..<10, 10..<20])
    let second = Lane("one", target: 25)
    let runner = try SoakRunner(options(commit: "def"), lanes: [second])
    #expect(try runner.run { _ in })
    #expect(runner.table.contains("commit abc and def, "), "whoever reads the figures sees all the code they are of")
    #expect(second.asked.withLock { $0 } == [20..<25])
    #expect(runner.table.contains("one: 0 failures in 25 (too few for a bound) of 25"))
    #expect(FileManager.default.fileExists(atPath: "\(folder)/soak.html"))
  }

  @Test func theLaneThatIsBehindIsNext() throws {
    let (long, short) = (Lane("long", target: 100), Lane("short", target: 20))
    #expect(try SoakRunner(options(slices: 6), lanes: [long, short]).run { _ in })
    #expect(long.asked.withLock { $0.count } == 5)
    #expect(short.asked.withLock { $0.count } == 1)
  }

  @Test func aStateIsWholeWhereverItsWritingWasKilled() throws {
    var state = SoakState(seed: 1, now: "then")
    state.add(
      LaneResult(runs: 10, failures: []), to: "one", seconds: 1, residentBytes: 4096, commit: "abc", now: "later")
    try state.write(stateFile)
    var next = state
    next.add(
      LaneResult(runs: 10, failures: []), to: "one", seconds: 1, residentBytes: 4096, commit: "abc", now: "latest")
    try next.write("\(folder)/whole.json")
    let whole = try #require(FileManager.default.contents(atPath: "\(folder)/whole.json"))
    // Killed after any number of bytes of the draft: the state before counts, and the soak goes on from it.
    for length in stride(from: 0, through: whole.count, by: 7) {
      try whole.prefix(length).write(to: URL(fileURLWithPath: SoakState.draft(of: stateFile)))
      #expect(try SoakState.read(stateFile) == state)
    }
    let lane = Lane("one", target: 20)
    _ = try SoakRunner(options(), lanes: [lane]).run { _ in }
    #expect(lane.asked.withLock { $0 } == [10..<20])
    #expect(try SoakState.read(stateFile)?.lanes["one"]?.runs == 20)
  }

  @Test func aFileThatIsNoStateIsNotOverwritten() throws {
    try "{\"half\":".write(toFile: stateFile, atomically: false, encoding: .utf8)
    #expect(throws: RoomError.self) { try SoakRunner(options(), lanes: [Lane("one", target: 1)]) }
    #expect(try String(contentsOfFile: stateFile, encoding: .utf8) == "{\"half\":")
  }

  @Test func anotherSeedIsAnotherSoak() throws {
    _ = try SoakRunner(options(slices: 1), lanes: [Lane("one", target: 20)]).run { _ in }
    #expect(throws: RoomError.self) { try SoakRunner(options(seed: 2), lanes: [Lane("one", target: 20)]) }
  }

  @Test func failuresAreKeptAndNamed() throws {
    let runner = try SoakRunner(options(), lanes: [Lane("one", target: 40, failing: 13)])
    let lines = Mutex<[String]>([])
    #expect(try !runner.run { line in lines.withLock { $0.append(line) } })
    #expect(lines.withLock { $0.contains("  ! run 13") })
    #expect(runner.table.contains("1 failure in 40"))
    // A failure stays one, however often the soak goes on.
    #expect(try !SoakRunner(options(), lanes: [Lane("one", target: 40)]).run { _ in })
  }

  @Test func samplesOfMemoryAreThinnedOut() {
    var state = SoakState(seed: 1, now: "then")
    for _ in 0..<3_000 {
      state.add(LaneResult(runs: 1, failures: []), to: "one", seconds: 0, residentBytes: 1, commit: "a", now: "now")
    }
    let samples = state.lanes["one"]?.memory ?? []
    #expect(samples.count <= SoakState.samplesKept && samples.count > SoakState.samplesKept / 4)
    #expect(samples.map(\.runs) == samples.map(\.runs).sorted())
    #expect(state.lanes["one"]?.commits == ["a"])
  }

  @Test func theRuleOfThreeHoldsForMoreThanThirtyRuns() {
    #expect(RuleOfThree.bound(runs: 30) == nil)
    #expect(RuleOfThree.bound(runs: 1_000) == 0.003)
    #expect(RuleOfThree.words(failures: 0, runs: 1_000) == "0 failures in 1,000 (95 % bound 3/1,000 = 0.3 %)")
    #expect(RuleOfThree.words(failures: 2, runs: 1_000) == "2 failures in 1,000")
    // It is the upper end of the exact interval 1 - 0.05^(1/n), a little to the safe side.
    for runs in [31, 100, 1_000, 100_000] {
      let exact = 1 - Foundation.pow(0.05, 1 / Double(runs))
      let bound = RuleOfThree.bound(runs: runs) ?? 0
      #expect(bound >= exact && bound < exact * 1.06)
    }
  }

  /// A soak's run is repeated with the size that its seed drew.
  @Test func aSeedDrawsItsSizeAndItsCommandSaysIt() {
    var settings = SimulationSettings()
    settings.drawsSizes = true
    let drawn = (1...200).map { settings.options($0) }
    #expect(Set(drawn.map { "\($0.candidates) × \($0.questions)" }) == ["5 × 60", "4 × 40", "2 × 30", "3 × 20"])
    for options in drawn {
      let size = "--candidates \(options.candidates) --questions \(options.questions)"
      #expect(settings.command(for: options.seed) == "exam-lab simulate --one \(options.seed) \(size)")
    }
  }
}
