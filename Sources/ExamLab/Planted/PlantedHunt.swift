#if PlantedBugs

  import Foundation
  import Planted

  /// Looks for one deliberate fault with everything that the lab has, until a checker finds it.
  public struct PlantedHunt {
    private let bug: PlantedBug
    private let options: PlantedHuntOptions
    private let began = Date()

    /// - Throws: a text for a person, for a name that is none.
    public init(_ name: String, _ options: PlantedHuntOptions) throws {
      guard let bug = PlantedBug(rawValue: name) else {
        throw SimulationError("There is no planted bug \(name). `exam-lab planted --list` names them.")
      }
      self.bug = bug
      self.options = options
    }

    /// The bug, what it costs, and the published failure that it re-creates.
    public static func description(of name: String) throws -> String {
      let bug = try PlantedHunt(name, PlantedHuntOptions()).bug
      return "\(bug.rawValue): \(bug.loss)" + (bug.origin.map { "\n    after \($0)" } ?? "")
    }

    private var seconds: Double { Date().timeIntervalSince(began) }

    public func run() throws -> PlantedCatch {
      var result = PlantedCatch(
        bug: bug.rawValue, loss: bug.loss, origin: bug.origin, runs: 0, seconds: 0, isCleanWithout: false)
      var turn: UInt64 = 0
      while seconds < options.secondsLimit, result.found == nil {
        let ground = bug.grounds[Int(turn) % bug.grounds.count]
        let slice = turn / UInt64(bug.grounds.count)
        switch ground {
        case .powerCuts(let lane): try cutPower(lane, slice, &result)
        case .exams(let nemeses): try simulate(exam(slice, nemeses), &result)
        case .drill(let drill): try simulate(SimOptions(seed: options.seed &+ slice, drill: drill), &result)
        }
        turn += 1
      }
      if result.found == nil { result.seconds = seconds }
      return result
    }

    // MARK: - Power cuts

    private static let cyclesOfASlice: UInt64 = 200

    private func cutPower(_ lane: PowerCutPlan.Lane, _ slice: UInt64, _ result: inout PlantedCatch) throws {
      let range = slice * Self.cyclesOfASlice..<(slice + 1) * Self.cyclesOfASlice
      PlantedBug.active = bug
      let campaign = PowerCutCampaign(seed: options.seed, lane: lane).run(range)
      PlantedBug.active = nil
      result.runs += Int(campaign.counts.cycles)
      guard let failure = campaign.failures.first(where: { PowerCutCampaign.replay($0.plan) == nil }) else { return }
      result.seconds = seconds
      result.found = failure.finding
      result.lane = "power cuts of a \(lane.rawValue)"
      result.isCleanWithout = true
      result.choices = failure.plan.decisions.count
      result.plan = write(try failure.plan.text())
    }

    // MARK: - Simulated exams

    private func exam(_ slice: UInt64, _ nemeses: [NemesisKind]) -> SimOptions {
      var exam = SimOptions(seed: options.seed &+ slice)
      // Short exams are quick, long ones hold more locks, grants and devices: in turn.
      exam.candidates = slice.isMultiple(of: 3) ? 5 : 3
      exam.questions = slice.isMultiple(of: 3) ? 60 : 20
      exam.nemeses = nemeses
      return exam
    }

    /// What runs share within a process, a server's first image, must not be made with the fault in it.
    private func publish(_ exam: SimOptions) throws {
      for variant in SimShape.Variant.allCases {
        _ = try SimExamShelf.shared.exam(
          SimShape(candidates: exam.candidates, questions: exam.questions, variant: variant))
      }
    }

    private func simulate(_ exam: SimOptions, _ result: inout PlantedCatch) throws {
      try publish(exam)
      PlantedBug.active = bug
      let outcome = try SimRun.run(exam)
      PlantedBug.active = nil
      result.runs += 1
      // What is found without the fault too proves nothing about it.
      guard !outcome.violations.isEmpty, try SimRun.run(exam).violations.isEmpty else { return }
      result.seconds = seconds
      result.found =
        outcome.verdict.invariants.map(\.description).joined(separator: ", ") + ": \(outcome.violations[0])"
      let names = exam.nemeses.map(\.rawValue) + [exam.drill.map { "drill \($0.rawValue)" }].compactMap(\.self)
      result.lane = (["seed \(exam.seed)"] + names).joined(separator: ", ")
      result.isCleanWithout = true
      result.choices = outcome.decisions.count
      let plan = SimPlan(outcome)
      guard options.shrinkRuns > 0, let shrunk = shrink(plan) else {
        result.plan = write(plan.fileText)
        return
      }
      result.choicesAfterShrinking = shrunk.decisions.count
      result.plan = write(shrunk.fileText)
    }

    private func shrink(_ plan: SimPlan) -> SimPlan? {
      PlantedBug.active = bug
      defer { PlantedBug.active = nil }
      let shrinker = Shrinker(runLimit: options.shrinkRuns) { smaller in
        guard let options = try? smaller.simOptions(), let outcome = try? SimRun.run(options) else {
          return PlanResult(violations: [])
        }
        return PlanResult(violations: outcome.violations, taken: outcome.decisions)
      }
      return shrinker.shrink(plan)?.plan
    }

    /// A plan that cannot be written is not a fault that was missed.
    private func write(_ text: String) -> String? {
      guard let folder = options.outputFolder else { return nil }
      let path = "\(folder)/\(bug.rawValue).plan.jsonl"
      do {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
      } catch {
        return nil
      }
    }
  }

#endif
