import Foundation

/// One run of one phone: a fault in the middle of a script, a restart without it, and the comparison.
struct PhoneRun {
  let stage: LabStage
  let folder: String
  let script: PhoneScript

  /// The files that a save and the journal live in.
  static let journalFiles: Set<String> = ["exam.db", "exam.db-wal"]

  /// Runs the script with nothing going wrong, and gives every call that it makes.
  func count() throws -> [TracedCall] {
    var world = try stage.world(in: folder)
    try world.startServer()
    defer { world.server.kill() }
    var memory = CandidateMemory(user: stage.seats[0].user, log: try RoomLog(path: "\(folder)/intended.jsonl"))
    try savesBefore(world, &memory)
    let log = "\(folder)/strace.txt"
    let phone = try LabPhone(world.setting(seat: 0).tracing(Strace.tracing(to: log)))
    defer { phone.kill() }
    _ = try phone.succeed("opening under strace", nil)
    for step in script.steps { _ = try phone.succeed(step.command, step.command) }
    if script.steps.last != .quit { _ = phone.ask("quit") }
    phone.waitForEnd()
    return KillPointCounter.calls(Strace.finishedLog(log))
  }

  /// Runs the script with its fault, and compares.
  func execute(_ lane: KillLaneName, run: Int, point: KillPoint, fault: InjectedFault) throws -> KillOutcome {
    var outcome = KillOutcome(lane, run: run)
    var world = try stage.world(in: folder)
    try world.startServer()
    defer { world.server.kill() }
    var memory = CandidateMemory(user: stage.seats[0].user, log: try RoomLog(path: "\(folder)/intended.jsonl"))
    try savesBefore(world, &memory)
    let log = "\(folder)/strace.txt"
    let confirmedAt = try perform(world, tracer: fault.tracer(point, log: log), &memory)
    let calls = KillPointCounter.calls(Strace.finishedLog(log))
    let struck = KillPointCounter.struck(calls, at: point)
    outcome.point = struck.map {
      let label = $0.target.isEmpty ? $0.call : "\($0.call) \($0.target)"
      return fault == .kill ? label : "\(fault.rawValue) at \(label)"
    }
    if fault.isInputOutput, let struck, Self.journalFiles.contains(struck.target) {
      let late = KillPointCounter.confirmedAfterFailure(calls, struck: struck, confirmedAt: confirmedAt)
      outcome.wrong += late.map {
        "a save was confirmed in step \($0), after the storage failed in step \(struck.step)"
      }
    }
    try Aftermath(world: world, seat: 0).examine(&memory, &outcome)
    outcome.confirmed = memory.confirmations
    let exit = world.server.stop()
    if exit != 0 { outcome.failures.append("the server ended with \(exit) instead of 0") }
    return outcome
  }

  /// What a process that was killed left behind.
  private func savesBefore(_ world: LabWorld, _ memory: inout CandidateMemory) throws {
    guard !script.savesBefore.isEmpty else { return }
    let phone = try LabPhone(world.setting(seat: 0))
    _ = try phone.succeed("opening", nil)
    for case .save(let item, let value) in script.savesBefore {
      memory.intend(item, value)
      let reply = try phone.succeed("a save", PhoneScript.Step.save(item: item, value: value).command)
      memory.confirm(sequence: reply.sequence)
    }
    phone.kill()
  }

  /// Goes through the script until the process ends; gives the steps in which a save was confirmed.
  private func perform(_ world: LabWorld, tracer: [String], _ memory: inout CandidateMemory) throws -> [Int] {
    let phone = try LabPhone(world.setting(seat: 0).tracing(tracer))
    // However it ends: what is not confirmed by now was not confirmed.
    defer { phone.kill() }
    guard case .reply(let ready) = phone.ask(nil), ready.ok else { return [] }
    var confirmedAt: [Int] = []
    for (index, step) in script.steps.enumerated() {
      if case .save(let item, let value) = step { memory.intend(item, value) }
      switch phone.ask(step.command) {
      case .reply(let reply) where reply.ok:
        if case .save = step {
          memory.confirm(sequence: reply.sequence)
          confirmedAt.append(index + 1)
        }
      case .reply(let reply): memory.doubt(reply.error ?? "refused")
      case .ended, .silence:
        memory.doubt("killed")
        return confirmedAt
      }
      if step == .quit { phone.waitForEnd() }
    }
    return confirmedAt
  }
}

/// After the fault: the phone starts without it, shows what it holds, and brings it to a real server.
struct Aftermath {
  let world: LabWorld
  let seat: Int
  /// Rounds that a sync may take: one to find out where the server stands, one to push, one to spare.
  private static let rounds = 4

  /// Examines the phone and the server; the server runs.
  func examine(_ memory: inout CandidateMemory, _ outcome: inout KillOutcome) throws {
    let phone = try LabPhone(world.setting(seat: seat))
    defer { phone.kill() }
    guard case .reply(let ready) = phone.ask(nil), ready.ok else {
      outcome.failures.append("\(memory.user): the store did not open after the fault")
      return
    }
    outcome.openMilliseconds = max(outcome.openMilliseconds ?? 0, ready.openMilliseconds ?? 0)
    let start = MonotonicClock.milliseconds
    guard let before = Self.status(phone, &memory, &outcome) else { return }
    var after = before
    for _ in 0..<Self.rounds where after.pending != 0 {
      _ = phone.ask("sync")
      guard let status = Self.status(phone, &memory, &outcome) else { return }
      after = status
    }
    outcome.healMilliseconds = MonotonicClock.milliseconds - start
    if after.pending != 0 {
      outcome.failures.append("\(memory.user): \(after.pending ?? -1) entries pending after \(Self.rounds) rounds")
    }
    _ = phone.ask("quit")
    phone.waitForEnd()
    try Self.judge(world, sheets: [memory.user: after.sheet ?? [:]], &outcome)
  }

  /// A status that is sound in itself and shows everything that was confirmed.
  static func status(
    _ phone: LabPhone, _ memory: inout CandidateMemory, _ outcome: inout KillOutcome
  ) -> LabReply? {
    guard case .reply(let status) = phone.ask("status"), status.ok, let sheet = status.sheet else {
      outcome.failures.append("\(memory.user): no status")
      return nil
    }
    let (lost, wrong) = memory.compare(sheet)
    outcome.lost += lost
    outcome.wrong += wrong
    if status.saved != sheet.count {
      outcome.failures.append("\(memory.user): counts \(status.saved ?? -1) answers and shows \(sheet.count)")
    }
    if (status.sequence ?? 0) < memory.sequence {
      outcome.lost.append("\(memory.user): sequence \(status.sequence ?? 0), and \(memory.sequence) was confirmed")
    }
    if status.forks != 0 { outcome.failures.append("\(memory.user): the journal forked") }
    return status
  }

  /// The judge's comparison of what was meant with what the server exports; and both sides must show the same.
  static func judge(_ world: LabWorld, sheets: [String: [String: String]], _ outcome: inout KillOutcome) throws {
    let lines = try world.serverAnswers()
    let intentions = try JSONLines.read(Intention.self, path: "\(world.folder)/intended.jsonl")
    let verdict = Judge(intentions: intentions).compare(lines, journals: try world.serverJournals())
    outcome.lost += verdict.lost
    outcome.wrong += verdict.wrong + verdict.doubled
    for (user, sheet) in sheets.sorted(by: { $0.key < $1.key }) {
      var held: [String: String] = [:]
      for line in lines where line.candidate == user && !line.value.isEmpty { held[line.item] = line.value }
      if held != sheet {
        let items = Set(held.keys).union(sheet.keys).filter { held[$0] != sheet[$0] }.sorted()
        outcome.wrong.append("\(user): phone and server differ in \(items.joined(separator: ", "))")
      }
    }
  }
}
