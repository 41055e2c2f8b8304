import ArgumentParser
import ExamLab
import Foundation

/// Cuts the power under real stores and checks what they kept.
struct PowerCutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "powercut",
    abstract: "Cuts the power under real stores on virtual disks, and checks every recovery.",
    discussion: """
      A phone's store and a server's run on a disk in memory that loses what was not synced, tears it, fails, fills up \
      and lies. After each cut or kill the store is opened again, through further cuts, and compared with everything \
      that it had called saved. Bare SQLite runs beside it with the same statements.

      Examples:
        exam-lab powercut --cycles 100000
        exam-lab powercut --cycles 1000000 --seed 7 --first-cycle 500000
        exam-lab powercut --damage --cycles 20000
        exam-lab powercut --exhaustive
        exam-lab powercut --walk
        exam-lab powercut --replay powercut-phone-7-42.jsonl

      Exit codes: 0 nothing was lost; 1 something was, or a replay failed as before; 2 a plan could not be read.
      """)

  @Option(help: "Cuts and recoveries of phones; a server gets an eighth as many.")
  var cycles: UInt64 = 20_000

  @Option(help: "The seed; the same seed gives the same cuts.")
  var seed: UInt64 = 1

  @Option(help: "The first cycle, to go on where an earlier run ended.")
  var firstCycle: UInt64 = 0

  @Option(help: "Threads.")
  var threads = 2

  @Flag(help: "Damages files while nothing runs, instead of cutting the power.")
  var damage = false

  @Flag(help: "One fixed session of each store, cut at every call and again at every call of the recovery.")
  var exhaustive = false

  @Flag(
    help: "One save, sync, opening, update and hand-in, killed and cut at every call, and in the opening after it.")
  var walk = false

  @Option(help: "With --exhaustive and --walk: look at every so many calls for the second cut; 0 for no second cuts.")
  var nestedStride = 1

  @Option(help: "Runs the plan of a failed life again.", completion: .file())
  var replay: String?

  @Option(help: "Where the plans of failed lives are written.", completion: .directory)
  var outputFolder = "."

  func run() throws {
    if let replay { return try runReplay(replay) }
    let failures = try exhaustive ? runExhaustive() : walk ? runWalk() : runCampaign()
    if failures > 0 { throw ExitCode(1) }
  }

  private func runCampaign() throws -> Int {
    let range = firstCycle..<firstCycle + cycles
    if damage { return try runDamage(range) }
    let phones = PowerCutCampaign(seed: seed).run(range, threads: threads)
    let servers = PowerCutCampaign(seed: seed, lane: .server)
      .run(firstCycle / 8..<(firstCycle + cycles + 7) / 8, threads: threads)
    print(PowerCutReport.table(phones: phones, servers: servers))
    for setting in BareSQLite.Setting.allCases {
      print(PowerCutReport.line(setting, BareSQLite(setting, seed: seed).run(cycles: min(cycles, 4_000))))
    }
    print("next: --first-cycle \(phones.nextCycle)")
    return try write(phones.failures + servers.failures)
  }

  private func runDamage(_ range: Range<UInt64>) throws -> Int {
    let phones = PowerCutCampaign(seed: seed, lane: .phoneDamage).run(range, threads: threads)
    let servers = PowerCutCampaign(seed: seed, lane: .serverDamage)
      .run(range.lowerBound / 8..<(range.upperBound + 7) / 8, threads: threads)
    print(PowerCutReport.table(damagedPhones: phones, damagedServers: servers))
    print("next: --first-cycle \(phones.nextCycle)")
    return try write(phones.failures + servers.failures)
  }

  private func runExhaustive() throws -> Int {
    var failures: [PowerCutFailure] = []
    for lane in PowerCutPlan.Lane.cuts {
      var run = PowerCutExhaustive(seed: seed, lane: lane)
      run.nestedStride = nestedStride
      let result = run.run { FileHandle.standardError.write(Data("\($0)\n".utf8)) }
      print("\(lane.rawValue), every call: \(PowerCutReport.line(result))")
      failures += result.failures
    }
    return try write(failures)
  }

  private func runWalk() throws -> Int {
    var failures: [PowerCutFailure] = []
    for lane in PowerCutPlan.Lane.cuts {
      for operation in PowerCutWalk.operations(of: lane) {
        var walk = PowerCutWalk(operation, of: lane, seed: seed)
        walk.nestedStride = UInt64(max(0, nestedStride))
        let result = walk.run()
        print(PowerCutReport.line(operation, of: lane, result))
        failures += result.outcome.failures
      }
    }
    return try write(failures)
  }

  private func runReplay(_ path: String) throws {
    let plan: PowerCutPlan
    do { plan = try PowerCutPlan(text: String(contentsOfFile: path, encoding: .utf8)) } catch {
      FileHandle.standardError.write(Data("exam-lab powercut: \(path) cannot be read: \(error)\n".utf8))
      throw ExitCode(2)
    }
    guard let failure = PowerCutCampaign.replay(plan) else {
      print("Nothing was lost in this life.")
      return
    }
    for line in failure.story { print(line) }
    print("FAILED \(failure.finding)")
    throw ExitCode(1)
  }

  /// Writes the plans and prints how to run each again; gives their number.
  private func write(_ failures: [PowerCutFailure]) throws -> Int {
    if !failures.isEmpty {
      try FileManager.default.createDirectory(atPath: outputFolder, withIntermediateDirectories: true)
    }
    for failure in failures.prefix(10) {
      let plan = failure.plan
      let file = "\(outputFolder)/powercut-\(plan.lane.rawValue)-\(plan.seed)-\(plan.life).jsonl"
      try plan.text().write(toFile: file, atomically: true, encoding: .utf8)
      print("FAILED \(failure.finding)\n  exam-lab powercut --replay \(file)")
    }
    return failures.count
  }
}
