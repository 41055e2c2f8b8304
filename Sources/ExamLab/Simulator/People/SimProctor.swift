import ExamModel
import ServerCore
import SyncCore

/// Whoever minds the room: unlocks, more time, new devices; sometimes too late, sometimes twice.
final class SimProctor {
  private unowned let world: SimWorld
  let node = SimNode.proctor(0)
  private var helpCount: UInt64 = 0
  /// Reopenings, and when they were decided; a server that goes back to before that has to be told again.
  private var reopenings: [(at: Int64, person: Int)] = []
  /// Nobody sees whose phone is locked.
  var isAway = false
  private static let periodMilliseconds: Int64 = 45_000

  init(_ world: SimWorld) {
    self.world = world
  }

  func begin() { patrol(1) }

  // MARK: - Locks

  /// A candidate holds up a phone that is locked.
  func help(_ phone: SimPhone, lock number: UInt32) {
    guard !isAway else { return }
    helpCount += 1
    let attempt = phone.owner.attempt
    let readsCode = world.seeds.number(.people, 1 << 40, helpCount, in: 0...1) == 0
    world.kernel.after(world.seeds.number(.people, 1 << 41, helpCount, in: 2_000...20_000)) { [self] in
      let command: OperatorCommand =
        readsCode ? .unlockCode(attempt: attempt, number: number) : .unlock(attempt: attempt, number: number)
      run(command) { [self] result in
        guard case .unlockCode(let summary)? = result else { return }
        world.note(node, .codeReadOut(attempt: attempt, lock: number))
        phone.enter { [self] in
          if (try? phone.unlock(code: summary.code)) != nil { world.probes.mark(.unlockedByCode) }
        }
      }
    }
  }

  // MARK: - Everything else

  private func patrol(_ round: UInt64) {
    world.kernel.at(Int64(round) * Self.periodMilliseconds) { [self] in
      guard !world.isHealed else { return }
      let rate = world.swarm.proctorRate
      if rate > 0 {
        let people = Int64(world.exam.people.count)
        let value = world.decisions.next(.proctor, node: node.number) { generator in
          guard generator.number(in: 0...999) < rate else { return 0 }
          let minutes = generator.number(in: 1...10)
          return minutes << 16 | generator.number(in: 0...people - 1) << 8 | generator.number(in: 1...8)
        }
        if value != 0 { act(value) }
      }
      patrol(round + 1)
    }
  }

  private func act(_ value: Int64) {
    let person = Int(value >> 8 & 0xFF) % world.exam.people.count
    let attempt = world.exam.people[person].attempt
    let milliseconds = (value >> 16) * 60_000
    switch value & 0xFF {
    case 1: extend(attempt, milliseconds)
    case 2: run(.voidLock(attempt: attempt, number: 1, reason: "no fault of the candidate's"))
    case 3: run(.announce(exam: world.exam.exam, text: "Quiet, please."))
    case 4: release(person)
    case 5: reopen(attempt, person)
    case 6: extendAll(milliseconds)
    case 7: postpone(milliseconds)
    default: run(.forceHandIn(attempt: attempt, reason: "the candidate left"))
    }
  }

  func release(_ person: Int) {
    run(.releaseLease(attempt: world.exam.people[person].attempt, reason: "another phone"))
  }

  func reopen(_ attempt: ID128, _ person: Int) {
    run(.reopen(attempt: attempt, reason: "handed in by mistake")) { [self] result in
      guard result != nil else { return }
      reopenings.append((world.kernel.now, person))
      extend(attempt, 120_000)
    }
  }

  /// The server was restored from a backup: what was reopened since is reopened again, as soon as that can be done.
  func serverWentBack(to instant: Int64) {
    let lost = reopenings.filter { $0.at >= instant }.map(\.person)
    reopenings.removeAll { $0.at >= instant }
    for person in Set(lost).sorted() { reopenAgain(person) }
  }

  private func reopenAgain(_ person: Int) {
    world.kernel.after(Self.periodMilliseconds) { [self] in
      let attempt = world.exam.people[person].attempt
      run(.reopen(attempt: attempt, reason: "it was reopened before the restore")) { [self] result in
        guard result != nil else { return reopenAgain(person) }
        reopenings.append((world.kernel.now, person))
      }
    }
  }

  /// Nobody is given more than this in all: an exam ends.
  private static let mostGrantedMilliseconds: Int64 = 900_000

  private var mayExtend: Bool { (world.lastGrants.values.max() ?? 0) < Self.mostGrantedMilliseconds }

  func extend(_ attempt: ID128, _ milliseconds: Int64) {
    guard mayExtend else { return }
    run(.extendAttempt(attempt: attempt, milliseconds: milliseconds, reason: "a late start")) { [self] result in
      guard result != nil else { return }
      world.truth.grants.append(GrantTruth(world.kernel.now, attempt: attempt, milliseconds: milliseconds))
      world.lastGrants[attempt, default: 0] += milliseconds
    }
  }

  private func extendAll(_ milliseconds: Int64) {
    guard mayExtend else { return }
    run(.extendExam(exam: world.exam.exam, milliseconds: milliseconds, reason: "noise outside")) { [self] result in
      guard result != nil else { return }
      for person in world.exam.people {
        world.truth.grants.append(GrantTruth(world.kernel.now, attempt: person.attempt, milliseconds: milliseconds))
        world.lastGrants[person.attempt, default: 0] += milliseconds
      }
    }
  }

  private func postpone(_ milliseconds: Int64) {
    guard world.kernel.now < world.opensAt else { return }
    let opensAt = world.opensAt + milliseconds
    let closesAt = world.closesAt + milliseconds
    let command = OperatorCommand.postponeExam(
      exam: world.exam.exam, opensAt: SimClock.epoch + opensAt, closesAt: SimClock.epoch + closesAt)
    run(command) { [self] result in
      guard result != nil else { return }
      world.setTimes(opensAt: opensAt, closesAt: closesAt)
    }
  }

  /// Gives a command at the server; where that is not there, nothing comes of it.
  func run(_ command: OperatorCommand, _ completion: @escaping (OperatorResult?) -> Void = { _ in }) {
    let name = Self.name(command)
    guard world.server.isReachable else {
      world.note(node, .commanded(name: name, succeeded: false))
      return completion(nil)
    }
    world.server.submit(.command(command, by: SimExam.operatorIdentity)) { [self] reply in
      var result: OperatorResult?
      if case .done(let done) = reply { result = done }
      world.note(node, .commanded(name: name, succeeded: result != nil))
      completion(result)
    }
  }

  private static func name(_ command: OperatorCommand) -> String {
    switch command {
    case .unlock: "unlock"
    case .unlockCode: "unlock-code"
    case .extendAttempt: "extend"
    case .extendExam: "extend-all"
    case .voidLock: "void-lock"
    case .announce: "announce"
    case .releaseLease: "release"
    case .reopen: "reopen"
    case .postponeExam: "postpone"
    case .forceHandIn: "force-hand-in"
    default: "other"
    }
  }
}
