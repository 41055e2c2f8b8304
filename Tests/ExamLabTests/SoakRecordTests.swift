import Foundation
import Testing

@testable import ExamLab

/// The README quotes a soak, and the state that the soak left lies beside: neither says more than the other.
@Suite struct SoakRecordTests {
  private static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static func row(_ name: String, _ lane: SoakState.Lane) -> String {
    let runs = Digits.grouped(lane.runs)
    return lane.failureCount == 0
      ? "| \(name) | 0 failures in \(runs) (95 % bound 3/\(runs)) |"
      : "| \(name) | \(lane.failureCount) failure\(lane.failureCount == 1 ? "" : "s") in \(runs) |"
  }

  /// What a whole soak runs of each lane; a part of one is not quoted.
  private static let whole = ["power cuts": 1_000_000, "simulated exams": 100_000, "kills": 1000, "partitions": 1000]

  @Test func readmeQuotesTheSoakThatWasRun() throws {
    let state = try #require(try SoakState.read(Self.root.appendingPathComponent(".ci/soak/soak.json").path))
    let readme = try String(contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
    #expect(state.lanes.mapValues(\.runs) == Self.whole)
    for (name, lane) in state.lanes {
      #expect(readme.contains(Self.row(name, lane)), "the README lacks “\(Self.row(name, lane))”")
      let commit = try #require(lane.commits.first)
      #expect(lane.commits.count == 1 && !commit.hasSuffix("-dirty"), "\(name) was run on \(lane.commits)")
      #expect(readme.contains("commit \(commit)"), "the README does not name commit \(commit)")
    }
  }

  @Test func rowsAreWrittenAsPeopleRead() {
    var lane = SoakState.Lane()
    lane.runs = 1_000_000
    #expect(Self.row("cuts", lane) == "| cuts | 0 failures in 1,000,000 (95 % bound 3/1,000,000) |")
    lane.runs = 999
    lane.failureCount = 2
    #expect(Self.row("cuts", lane) == "| cuts | 2 failures in 999 |")
  }
}
