import ExamModel
import ServerCore
import SyncCore

/// Starts the long events: those of the options, and those that the seed draws.
struct Nemesis {
  let world: SimWorld

  func begin() {
    for (number, kind) in world.options.nemeses.enumerated() { start(kind, UInt64(number)) }
    let strength = world.swarm.strength(.nemeses)
    for slot in 0..<2 {
      let value = world.decisions.next(.nemesis, node: 0) { generator in
        guard generator.number(in: 0...3) < Int64(strength) else { return 0 }
        return generator.number(in: 1...Int64(NemesisKind.drawn.count))
      }
      if value > 0 { start(NemesisKind.drawn[Int(value - 1) % NemesisKind.drawn.count], UInt64(8 + slot)) }
    }
    if world.swarm.strength(.oldBackups) > 0 { start(.oldBackup, 20) }
    for person in 0..<world.options.candidates { newDevices(person) }
  }

  /// Another device beside the first, or a new one in its place.
  private func newDevices(_ person: Int) {
    let (news, seconds) = (world.swarm.strength(.newDevices), world.swarm.strength(.secondDevices))
    let value = world.decisions.next(.nemesis, node: UInt16(64 + person)) { generator in
      let dice = generator.number(in: 0...9)
      let instant = generator.number(in: 30_000...world.closesAt)
      if dice < Int64(news) { return instant << 2 | 1 }
      if dice < Int64(news + seconds) { return instant << 2 | 2 }
      return 0
    }
    guard value != 0 else { return }
    world.kernel.at(value >> 2) { [self] in
      value & 3 == 1 ? reinstall(person) : takeUpSecond(person)
    }
  }

  /// Draws an instant of the exam for an event; the same for the same seed.
  private func instant(_ number: UInt64, _ range: ClosedRange<Int64>) -> Int64 {
    world.seeds.number(.pace, 1 << 50 | number, 1, in: range)
  }

  private func start(_ kind: NemesisKind, _ number: UInt64) {
    let exam = world.opensAt...max(world.opensAt + 1, world.closesAt - 60_000)
    switch kind {
    case .examStartHerd: at(world.opensAt - 20_000, kind, lasts: 25_000, allLinks)
    case .bellHerd:
      for user in world.users { user.waitsForBell = true }
      at(world.closesAt - 90_000, kind, lasts: 93_000, allLinks)
    case .wifiFlap: flap(from: instant(number, exam), number)
    case .sealRace: sealRace(number)
    case .releaseRace: releaseRace(instant(number, exam), number)
    case .killLoop: killLoop(from: instant(number, exam), number)
    case .twoDevices:
      for person in 0..<world.options.candidates where person % 2 == 0 {
        world.kernel.at(instant(number &+ UInt64(person), exam)) { [self] in takeUpSecond(person) }
      }
    case .oldBackup: oldBackup(number)
    case .clockJumps: clockJumps(from: instant(number, 20_000...world.closesAt), number)
    case .swizzleClog: swizzle(from: instant(number, exam), number)
    case .diskFull: diskFull(from: instant(number, exam))
    case .halfOpen: halfOpen(from: instant(number, exam), number)
    case .oldPhone: oldPhone(number)
    }
    world.faults.count("nemesis \(kind.rawValue)")
  }

  /// Runs `change(true)` at an instant, and `change(false)` after it lasted.
  private func at(_ instant: Int64, _ kind: NemesisKind, lasts: Int64, _ change: @escaping (Bool) -> Void) {
    world.kernel.at(instant) { [self] in
      guard !world.isHealed else { return }
      world.note(.world, .nemesis(name: kind.rawValue, begins: true))
      change(true)
    }
    world.kernel.at(instant + lasts) { [self] in
      world.note(.world, .nemesis(name: kind.rawValue, begins: false))
      if !world.isHealed { change(false) }
    }
  }

  private func allLinks(_ isDown: Bool) {
    for index in world.phones.indices { world.setLink(index, SimLink(isUp: !isDown)) }
  }

  private func flap(from start: Int64, _ number: UInt64) {
    at(start, .wifiFlap, lasts: 180_000) { _ in }
    for index in world.phones.indices {
      var generator = world.seeds.generator(.pace, 1 << 51 | number, UInt64(index))
      var instant = start
      var isUp = true
      while instant < start + 180_000 {
        instant += generator.number(in: 1_000...30_000)
        isUp.toggle()
        let link = SimLink(isUp: isUp)
        world.kernel.at(instant) { [self] in if !world.isHealed { world.setLink(index, link) } }
      }
      world.kernel.at(instant + 1_000) { [self] in world.setLink(index, SimLink()) }
    }
  }

  /// While candidates hand in, responses get lost, the server dies and time is granted.
  private func sealRace(_ number: UInt64) {
    let start = world.closesAt - 150_000
    at(start, .sealRace, lasts: 160_000) { [self] begins in
      world.losesAnswers = begins
    }
    for step in 0..<8 {
      let instant = instant(number << 8 | UInt64(step), start...(world.closesAt + 5_000))
      world.kernel.at(instant) { [self] in
        guard !world.isHealed else { return }
        let person = step % world.options.candidates
        switch step % 4 {
        case 0: world.server.kill()
        case 1:
          let command = world.exam.people[person].attempt
          world.proctor.run(.unlock(attempt: command, number: 1))
        case 2: world.proctor.reopen(world.exam.people[person].attempt, person)
        default: world.phones[person].kill()
        }
      }
    }
  }

  private func releaseRace(_ instant: Int64, _ number: UInt64) {
    for person in 0..<min(3, world.options.candidates) {
      let begin = instant + Int64(person) * 7_000
      world.kernel.at(begin) { [self] in
        guard !world.isHealed else { return }
        world.probes.mark(.releaseRace)
        takeUpSecond(person)
      }
      for round in 0..<3 {
        let offset = world.seeds.number(.pace, number << 16 | UInt64(person), UInt64(round), in: 0...40_000)
        world.kernel.at(begin + offset) { [self] in if !world.isHealed { world.proctor.release(person) } }
      }
    }
  }

  private func killLoop(from start: Int64, _ number: UInt64) {
    at(start, .killLoop, lasts: 90_000) { _ in }
    let phone = world.phones[Int(number) % world.options.candidates]
    for step in 0..<45 {
      let distance = world.seeds.number(.pace, 1 << 52 | number, UInt64(step), in: 1...400)
      world.kernel.at(start + Int64(step) * 2_000) { [self] in
        if !world.isHealed { phone.disk.scheduleKill(atCall: phone.disk.callCount + UInt64(distance)) }
      }
    }
  }

  private func oldBackup(_ number: UInt64) {
    let taken = instant(number, 60_000...world.closesAt - 60_000)
    let restored = instant(number &+ 1, taken + 10_000...world.closesAt + 30_000)
    world.kernel.at(taken) { [self] in
      let backup = ServerBackup(of: world)
      world.kernel.at(restored) { [self] in
        guard !world.isHealed else { return }
        backup.restore()
        world.proctor.serverWentBack(to: taken)
      }
    }
  }

  /// The server has more of the journal than the phone then: the two histories part.
  private func oldPhone(_ number: UInt64) {
    let taken = instant(number, world.opensAt + 30_000...world.closesAt - 60_000)
    let restored = instant(number &+ 1, taken + 20_000...world.closesAt - 20_000)
    let phone = world.phones[Int(number) % world.options.candidates]
    world.kernel.at(taken) { [self] in
      guard phone.isOpen else { return }
      let image = phone.disk.snapshot()
      world.kernel.at(restored) { [self] in
        guard !world.isHealed, phone.isOpen else { return }
        world.probes.mark(.phoneRolledBack)
        world.truth.losses.append(DeviceLoss(world.kernel.now, phone.node, .damaged))
        phone.rollBack(to: image)
      }
    }
  }

  private func clockJumps(from start: Int64, _ number: UInt64) {
    for step in 0..<4 {
      let offset = world.seeds.number(.pace, 1 << 53 | number, UInt64(step), in: -120_000...120_000)
      world.kernel.at(start + Int64(step) * 40_000) { [self] in
        guard !world.isHealed else { return }
        world.note(world.server.node, .clockJumped(milliseconds: offset - world.server.clockOffset))
        world.server.setClock(step == 3 ? 0 : offset)
      }
    }
  }

  /// Links go down one after another, and come back in another order.
  private func swizzle(from start: Int64, _ number: UInt64) {
    for index in world.phones.indices {
      let down = world.seeds.number(.pace, 1 << 54 | number, UInt64(index), in: 0...60_000)
      let up = world.seeds.number(.pace, 1 << 55 | number, UInt64(index), in: 60_001...150_000)
      world.kernel.at(start + down) { [self] in
        if !world.isHealed { world.setLink(index, SimLink(losesRequests: true, losesResponses: true)) }
      }
      world.kernel.at(start + up) { [self] in world.setLink(index, SimLink()) }
    }
  }

  private func diskFull(from start: Int64) {
    at(start, .diskFull, lasts: 150_000) { [self] begins in
      for phone in world.phones where phone.isInUse {
        let used = phone.disk.snapshot().files.reduce(0) { $0 + max($1.bytes.count, $1.reservedByteCount) }
        phone.disk.faults.capacityBytes = begins ? used + 16_384 : nil
      }
    }
  }

  private func halfOpen(from start: Int64, _ number: UInt64) {
    at(start, .halfOpen, lasts: 120_000) { [self] begins in
      for index in world.phones.indices where (UInt64(index) + number) % 2 == 0 {
        world.setLink(index, SimLink(losesRequests: false, losesResponses: begins))
      }
    }
  }

  // MARK: - Devices

  private func takeUpSecond(_ person: Int) {
    guard !world.isHealed else { return }
    world.users[person + world.options.candidates].begin(at: world.kernel.now)
    world.kernel.after(20_000) { [self] in world.proctor.release(person) }
  }

  /// The phone is lost for good, and the candidate goes on with a new one.
  private func reinstall(_ person: Int) {
    guard !world.isHealed else { return }
    let phone = world.phones[person]
    guard phone.isInUse, !phone.isLost else { return }
    world.truth.losses.append(DeviceLoss(world.kernel.now, phone.node, .wiped))
    phone.lose()
    world.users[person + 2 * world.options.candidates].begin(at: world.kernel.now + 30_000)
    world.kernel.after(45_000) { [self] in world.proctor.release(person) }
  }
}
