import SyncCore

/// The steady drizzle of a run: links that come and go, deaths, clocks. Each phone and the server have their own.
struct SimWeather {
  let world: SimWorld
  private static let periodMilliseconds: Int64 = 30_000

  func begin() {
    for phone in world.phones { every(phone, 1) }
    serverWeather(1)
    setDisks()
  }

  private func setDisks() {
    for phone in world.phones {
      phone.disk.faults = world.swarm.phoneDisk
      phone.disk.onFault = { [unowned world] in
        world.faults.count("phone disk")
        world.note(phone.node, .diskFault(what: $0))
      }
    }
    world.server.disk.faults = world.swarm.serverDisk
    world.server.disk.onFault = { [unowned world] in
      world.faults.count("server disk")
      world.note(world.server.node, .diskFault(what: $0))
    }
  }

  private func every(_ phone: SimPhone, _ round: UInt64) {
    let offset = world.seeds.number(.pace, UInt64(phone.index), round, in: 0...10_000)
    world.kernel.at(Int64(round) * Self.periodMilliseconds + offset) { [self] in
      guard !world.isHealed else { return }
      if phone.isInUse {
        link(phone)
        clocks(phone)
        phone.scheduleDeath()
      }
      every(phone, round + 1)
    }
  }

  /// The kind in the low byte, the duration above it.
  private func link(_ phone: SimPhone) {
    let rate = world.swarm.linkRate
    guard rate > 0 else { return }
    let value = world.decisions.next(.link, node: phone.node.number) { generator in
      guard generator.number(in: 0...999) < rate else { return 0 }
      let duration = NetworkFault.heavyTail(&generator, most: 300_000)
      return duration << 8 | generator.number(in: 1...4)
    }
    guard value != 0 else { return }
    var link = SimLink()
    switch value & 0xFF {
    case 1, 2: link.isUp = false
    case 3: link.losesResponses = true
    default: (link.losesRequests, link.losesResponses) = (true, value >> 8 & 1 == 0)
    }
    world.faults.count("link down")
    world.setLink(phone.index, link)
    world.kernel.after(value >> 8) { [self] in world.setLink(phone.index, SimLink()) }
  }

  private func clocks(_ phone: SimPhone) {
    if world.swarm.clockRate > 0 {
      let rate = world.swarm.clockRate
      let jump = world.decisions.next(.clock, node: phone.node.number) {
        $0.number(in: 0...999) < rate ? $0.number(in: -7_200_000...7_200_000) : 0
      }
      if jump != 0 {
        world.faults.count("clock jump")
        phone.clock.jumpWall(by: jump)
        world.note(phone.node, .clockJumped(milliseconds: jump))
      }
    }
    if world.swarm.suspendRate > 0 {
      let rate = world.swarm.suspendRate
      let duration = world.decisions.next(.clock, node: phone.node.number) {
        $0.number(in: 0...999) < rate ? NetworkFault.heavyTail(&$0, most: 240_000) : 0
      }
      if duration != 0 {
        world.faults.count("suspend")
        phone.suspend(for: duration)
      }
    }
  }

  /// In the low two bits: 1 kill, 2 power cut, 3 kill at a call of the disk, which lies above.
  private func serverWeather(_ round: UInt64) {
    world.kernel.at(Int64(round) * Self.periodMilliseconds) { [self] in
      guard !world.isHealed else { return }
      let rate = world.swarm.serverDeathRate
      if rate > 0 {
        let value = world.decisions.next(.kill, node: world.server.node.number) { generator in
          guard generator.number(in: 0...999) < rate else { return 0 }
          return generator.number(in: 1...2_000) << 2 | generator.number(in: 1...3)
        }
        if value != 0 { world.faults.count("server death") }
        switch value & 3 {
        case 1: world.server.kill()
        case 2: world.server.cutPower()
        case 3: world.server.disk.scheduleKill(atCall: world.server.disk.callCount + UInt64(value >> 2))
        default: break
        }
      }
      serverWeather(round + 1)
    }
  }
}
