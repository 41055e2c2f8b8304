import Foundation
import Testing

@testable import ExamLab

@Suite struct BenchStatisticsTests {
  @Test(arguments: [
    ([3.0], 3.0), ([5.0, 1.0, 3.0], 3.0), ([4.0, 1.0, 3.0, 2.0], 2.5), ([2.0, 2.0, 9.0, 2.0], 2.0),
  ])
  func theMedianIsTheMiddle(values: [Double], expected: Double) {
    #expect(BenchStatistics.median(values) == expected)
  }

  @Test func nothingHasNoMedian() {
    #expect(BenchStatistics.median([]) == nil)
    #expect(BenchStatistics.percentile(50, ofSorted: []) == nil)
  }

  @Test(arguments: [
    (1.0, UInt64(1)), (50.0, 50), (50.5, 51), (99.0, 99), (99.5, 100), (100.0, 100), (0.0, 1),
  ])
  func percentilesAreOfTheNearestRank(percent: Double, expected: UInt64) {
    #expect(BenchStatistics.percentile(percent, ofSorted: Array(1...100)) == expected)
  }

  @Test func latenciesAreSortedAndInMilliseconds() {
    let sample = LatencySample([9_000_000, 1_000_000, 2_000_000])
    #expect(sample.medianMilliseconds == 2)
    #expect(sample.p99Milliseconds == 9)
    #expect(LatencySample([]).medianMilliseconds == 0)
  }

  @Test func ratiosAreOfTheSameRun() {
    #expect(BenchStatistics.ratios([2, 9, 4], to: [1, 3, 0]) == [2, 3])
    #expect(BenchStatistics.ratios([2, 9], to: [4]) == [0.5])
  }

  @Test func syncsAreReadFromWhatStracePrints() {
    let text = """
      % time     seconds  usecs/call     calls    errors syscall
      ------ ----------- ----------- --------- --------- ----------------
       98.12    0.512345         201      2549           fdatasync
        1.88    0.009812         150        65         2 fsync
      ------ ----------- ----------- --------- --------- ----------------
      100.00    0.522157         199      2614         2 total
      """
    #expect(StraceSummary.calls(of: ["fdatasync", "fsync"], in: text) == 2_614)
    #expect(StraceSummary.calls(of: ["fsync"], in: text) == 65)
    #expect(StraceSummary.calls(of: ["fdatasync"], in: "strace: attach: Operation not permitted") == 0)
  }

  @Test func theSameSeedGivesTheSameTextAndNumbers() {
    var first = BenchText(seed: 4)
    var second = BenchText(seed: 4)
    var other = BenchText(seed: 5)
    let text = first.characters(200)
    #expect(text == second.characters(200))
    #expect(text != other.characters(200))
    #expect((200..<230).contains(text.utf8.count))
  }
}

@Suite struct BenchMachineTests {
  @Test func busyTimeLeavesIdleAndWaitingOut() {
    let text = "cpu  10 20 30 4000 500 6 7 8 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\nintr 5\n"
    #expect(ProcessorWatch.busyTicks(text) == 81)
    #expect(ProcessorWatch.busyTicks("nothing") == 0)
  }

  @Test func ownWorkIsNotThatOfOthers() {
    #expect(ProcessorWatch.othersShare(busy: 3, own: 1, seconds: 2, processors: 2) == 0.5)
    #expect(ProcessorWatch.othersShare(busy: 3, own: 3, seconds: 2, processors: 2) == 0)
    // The two are counted at different instants, in ticks and in microseconds.
    #expect(ProcessorWatch.othersShare(busy: 3, own: 3.01, seconds: 2, processors: 2) == 0)
    #expect(ProcessorWatch.othersShare(busy: 0, own: 0, seconds: 0, processors: 2) == 0)
    #expect(ProcessorWatch().othersShare(processors: 1) >= 0)
  }

  @Test func theMachineIsDescribed() {
    let machine = BenchReport.Machine.own
    #expect(machine.processors > 0 && !machine.kernel.isEmpty && machine.sqlite.hasPrefix("3."))
    #expect(ProcessorTime.of(process: getpid()) != nil && ProcessorTime.of(process: -1) == nil)
    #expect(ProcessMemory.residentBytes(of: getpid()) ?? 0 > 1_000_000)
  }
}
