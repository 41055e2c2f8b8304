import ExamModel
import ServerCore
import SyncCore
import SyncProtocol

/// Brings a drill about. What candidates do beside it is drawn as always.
struct DrillScript {
  let world: SimWorld
  let drill: SimDrill

  func begin() {
    switch drill {
    case .secondLock: secondLock()
    case .bellInLock: bellInLock()
    case .lateTap: lateTap()
    case .grantThenReboot: grantThenReboot()
    case .offlineAtBell: offlineAtBell()
    case .bootBeforeBell: bootBeforeBell()
    case .partedHistories: partedHistories()
    case .bellAtFork: bellAtFork()
    case .restoredAtFork: restoredAtFork()
    case .copiedPhone: copiedPhone()
    case .longAnswers: longAnswers()
    case .clockBehind: clockBehind()
    case .refusals: refusals()
    case .fullPhone: fullPhone()
    case .failedSync: failedSync()
    case .strangerSaysLater: strangerSaysLater()
    case .backupBehindSeals: backupBehindSeals()
    }
    world.faults.count("drill \(drill.rawValue)")
  }

  // MARK: - Parts

  /// The phone that the drill is about.
  var phone: SimPhone { world.phones[0] }
  var attempt: ID128 { world.exam.people[0].attempt }
  /// Where each candidate has an own time, it is over a minute before the bell at most.
  var bell: Int64 { world.closesAt }
  /// Everybody has begun by then.
  var underWay: Int64 { world.opensAt + 60_000 }

  func at(_ instant: Int64, _ work: @escaping () -> Void) {
    world.kernel.at(instant) { [world] in if !world.isHealed { work() } }
  }

  /// Answers an item as the candidate would; what is refused is refused.
  func answer(_ item: Int, _ variant: Int, on phone: SimPhone? = nil) {
    let phone = phone ?? self.phone
    let value = SimPaper.value(item, variant: variant)
    phone.enter { try? phone.answer("q\(item)", value) }
  }

  func answer(_ items: ClosedRange<Int>, variant: Int, from instant: Int64) {
    for (step, item) in items.enumerated() {
      at(instant + Int64(step) * 1_000) { answer(item, variant &+ item) }
    }
  }

  func setLink(isUp: Bool, at instant: Int64) {
    at(instant) { world.setLink(phone.index, SimLink(isUp: isUp)) }
  }

  func allWaitForBell(_ waits: Bool) {
    for user in world.users { user.waitsForBell = waits }
  }

  // MARK: - Locks

  private func secondLock() {
    world.proctor.isAway = true
    at(underWay) { phone.enter { _ = try? phone.lock(.other) } }
    at(underWay + 5_000) { world.proctor.run(.unlock(attempt: attempt, number: 1)) }
    at(underWay + 30_000) { phone.enter { _ = try? phone.lock(.other) } }
    at(underWay + 35_000) { phone.kill() }
    at(underWay + 70_000) { world.proctor.run(.unlock(attempt: attempt, number: 2)) }
  }

  private func bellInLock() {
    world.proctor.isAway = true
    allWaitForBell(true)
    for person in 0..<world.options.candidates {
      let phone = world.phones[person]
      at(bell - 80_000 + Int64(person) * 1_000) { phone.enter { _ = try? phone.lock(.other) } }
    }
  }

  private func lateTap() {
    allWaitForBell(false)
    for person in 0..<world.options.candidates {
      at(bell - 60_000 + Int64(person) * 1_000) { answer(1, 3, on: world.phones[person]) }
    }
  }

  // MARK: - Time

  /// Its owner switches the phone off and on.
  private func restart() {
    phone.close()
    phone.clock.reboot(at: world.kernel.now)
    world.note(phone.node, .rebooted)
    phone.open()
  }

  private func grantThenReboot() {
    allWaitForBell(true)
    at(underWay) { world.proctor.extend(attempt, 300_000) }
    setLink(isUp: false, at: underWay + 30_000)
    at(underWay + 31_000) { phone.cutPower() }
    setLink(isUp: true, at: underWay + 180_000)
  }

  private func offlineAtBell() {
    allWaitForBell(true)
    for person in 0..<world.options.candidates {
      at(bell - 120_000) { world.setLink(person, SimLink(isUp: false)) }
      for step in 1...4 { at(bell - 70_000 - Int64(step) * 10_000) { answer(step, 7, on: world.phones[person]) } }
      at(bell + 25_000) { world.setLink(person, SimLink()) }
    }
  }

  private func bootBeforeBell() {
    allWaitForBell(true)
    setLink(isUp: false, at: bell - 150_000)
    at(bell - 149_000) { restart() }
    for step in 1...4 { at(bell + 10_000 + Int64(step) * 4_000) { answer(step, 5) } }
    setLink(isUp: true, at: bell + 35_000)
  }

  // MARK: - Servers and operators

  private func longAnswers() {
    allWaitForBell(true)
    let long = AnswerValue.text(String(repeating: "\u{1F600}", count: 2_000))
    at(underWay + 60_000) {
      for item in 1...world.options.questions where item % 10 != 0 { answer(item, item) }
    }
    let essays = stride(from: 10, through: world.options.questions, by: 10)
    for (step, item) in essays.enumerated() {
      at(underWay + 65_000 + Int64(step) * 1_000) { phone.enter { try? phone.answer("q\(item)", long) } }
      at(underWay + 110_000 + Int64(step) * 1_000) { answer(item, 1) }
    }
    for step in 0..<3 { at(underWay + 90_000 + Int64(step) * 40_000) { world.proctor.release(0) } }
  }

  private func clockBehind() {
    for (step, offset) in [60_000, -60_000, -60_000, 0].enumerated() {
      let instant = underWay + Int64(step) * 20_000
      at(instant) {
        world.note(world.server.node, .clockJumped(milliseconds: Int64(offset) - world.server.clockOffset))
        world.server.setClock(Int64(offset))
      }
      at(instant + 5_000) { world.proctor.run(.announce(exam: world.exam.exam, text: "Step \(step).")) }
    }
  }

  private func refusals() {
    for round in 0..<8 {
      let instant = underWay + Int64(round) * 9_000
      at(instant) { for person in 0..<world.options.candidates { answer(round + 1, round, on: world.phones[person]) } }
      for step in 0..<30 {
        at(instant + Int64(step) * 5) {
          world.proctor.run(.reopen(attempt: attempt, reason: "nothing was handed in yet"))
        }
      }
    }
  }

  /// What a stranger says may keep nobody from a record that waits on the server.
  private func strangerSaysLater() {
    allWaitForBell(false)
    at(bell - 50_000) {
      for index in world.phones.indices {
        world.setLink(index, SimLink(strangersRetryAfterSeconds: 86_400))
      }
    }
    at(bell + 38_000) { world.proctor.run(.announce(exam: world.exam.exam, text: "Leave by the left door.")) }
  }

  private func backupBehindSeals() {
    allWaitForBell(false)
    let taken = underWay + 60_000
    // Withdrawn by the restore.
    at(taken + 20_000) { world.proctor.run(.announce(exam: world.exam.exam, text: "It rains.")) }
    at(taken) {
      let backup = ServerBackup(of: world)
      at(bell - 20_000) { backup.restore() }
    }
  }
}
