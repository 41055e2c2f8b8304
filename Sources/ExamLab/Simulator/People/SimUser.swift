import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

/// The person in front of one phone. Level-triggered: looks at the screen, and does what comes next.
final class SimUser {
  private unowned let world: SimWorld
  private unowned let phone: SimPhone
  private var round: UInt64 = 0
  /// The question in front, counting from 1.
  private var question = 0
  private var askedForLock: UInt32 = 0
  private(set) var isDone = false
  /// Waits for the bell instead of handing in.
  var waitsForBell = false
  private var isWalking = false

  init(_ world: SimWorld, _ phone: SimPhone) {
    self.world = world
    self.phone = phone
  }

  /// Takes the phone up.
  func begin(at instant: Int64) {
    world.kernel.at(instant) { [self] in
      guard !isWalking else { return }
      isWalking = true
      phone.isInUse = true
      phone.open()
      next(after: 1_000)
    }
  }

  private func next(after milliseconds: Int64) {
    world.kernel.after(milliseconds) { [self] in
      round += 1
      var pause: Int64 = 5_000
      phone.enter { [self] in pause = act() }
      next(after: pause)
    }
  }

  private func pace(_ range: ClosedRange<Int64>) -> Int64 {
    world.seeds.number(.people, UInt64(phone.index), round, in: range)
  }

  /// - Returns: after how long to look again.
  private func act() -> Int64 {
    do {
      guard phone.isLoggedIn else {
        try phone.logIn()
        return pace(2_000...8_000)
      }
      guard let attempt = phone.attempt else {
        try phone.join()
        return pace(2_000...6_000)
      }
      guard let store = phone.store else { return 5_000 }
      phone.showTime()
      switch try store.phase(of: attempt) {
      case .notStarted: return try waitForStart(store, attempt)
      case .answering: return try work(attempt)
      case .locked(let number): return askForUnlock(number)
      case .sealed: return pace(20_000...40_000)
      }
    } catch {
      // The screen says why, and the person looks again.
      return pace(3_000...9_000)
    }
  }

  private func waitForStart(_ store: ExamStore, _ attempt: ID128) throws -> Int64 {
    if let exam = try store.terms(attempt).exam, !exam.policy.informationFields.isEmpty,
      try !store.outline(of: attempt).informationGiven
    {
      try phone.submitInformation()
      return pace(2_000...6_000)
    }
    guard phone.isReady else { return pace(2_000...10_000) }
    try phone.start()
    return pace(1_000...8_000)
  }

  private func askForUnlock(_ number: UInt32) -> Int64 {
    if askedForLock != number {
      askedForLock = number
      world.proctor.help(phone, lock: number)
    } else if round % 8 == 0 {
      world.proctor.help(phone, lock: number)
    }
    return pace(3_000...8_000)
  }

  // MARK: - Working

  private func work(_ attempt: ID128) throws -> Int64 {
    question += 1
    guard question <= world.options.questions else { return try finish() }
    let item = question
    let action = SimAction(decision: draw(item))
    try perform(action, attempt)
    return action.isBurst ? pace(50...800) : pace(SimShape.questionMilliseconds / 2...SimShape.questionMilliseconds)
  }

  private func draw(_ item: Int) -> Int64 {
    let questions = world.options.questions
    let lockRate = world.swarm.lockRate
    return world.decisions.next(.action, node: phone.node.number) {
      SimAction.draw(&$0, item: item, questions: questions, lockRate: lockRate)
    }
  }

  private func perform(_ action: SimAction, _ attempt: ID128) throws {
    let item = "q\(action.item)"
    switch action.kind {
    case .nothing: break
    case .answer, .change:
      let value = SimPaper.value(action.item, variant: action.variant)
      world.truth.intents.append(Intent(world.kernel.now, phone.node, attempt: attempt, item: item, value: value))
      try phone.answer(item, value)
      if action.kind == .change { phone.look(at: item) }
    case .clear:
      world.truth.intents.append(Intent(world.kernel.now, phone.node, attempt: attempt, item: item, value: nil))
      try phone.clear(item)
    case .flag: try phone.flag(item, isSet: action.variant % 2 == 0)
    case .visit:
      try phone.visit(item)
      phone.look(at: item)
    case .leaveSection: try phone.leaveSection("one")
    case .appSwitch:
      try phone.lock(LockCause.allCases[action.variant % LockCause.allCases.count], detail: "simulated")
    case .handIn: try handIn()
    }
    // Some questions are turned back to.
    if action.kind != .answer { question -= action.kind == .nothing || action.kind == .handIn ? 0 : 1 }
  }

  private func finish() throws -> Int64 {
    guard !waitsForBell else { return pace(10_000...30_000) }
    try handIn()
    return pace(2_000...5_000)
  }

  private func handIn() throws {
    let digest = try phone.requestSubmit()
    let current = phone.generation
    world.kernel.after(pace(300...3_000)) { [self] in
      phone.enter(current) { [self] in try? phone.confirm(digest) }
    }
  }
}

/// What a candidate does at one question, as the value of a decision.
struct SimAction {
  enum Kind: Int64 {
    case nothing = 0
    case answer = 1
    /// Another value for an item that has one, and a look at what the screen says.
    case change = 2
    case clear = 3
    case flag = 4
    case visit = 5
    case leaveSection = 6
    case appSwitch = 7
    /// Long before the end.
    case handIn = 8
  }

  var kind: Kind
  var item: Int
  var variant: Int
  var isBurst: Bool

  init(decision value: Int64) {
    kind = Kind(rawValue: value & 0xF) ?? .nothing
    isBurst = value >> 4 & 1 == 1
    item = Int(value >> 5 & 0xFFF)
    variant = Int(value >> 17 & 0xFFFF)
  }

  static func draw(_ generator: inout SeededGenerator, item: Int, questions: Int, lockRate: Int64) -> Int64 {
    let dice = generator.number(in: 0...999)
    let kind: Kind =
      switch dice {
      case ..<lockRate: .appSwitch
      case ..<(lockRate + 30): .nothing
      case ..<(lockRate + 80): .change
      case ..<(lockRate + 100): .clear
      case ..<(lockRate + 140): .flag
      case ..<(lockRate + 200): .visit
      case ..<(lockRate + 202): .handIn
      default: .answer
      }
    let isBurst = generator.number(in: 0...9) == 0
    let chosen = kind == .answer ? Int64(item) : generator.number(in: 1...Int64(min(item, questions)))
    let variant = generator.number(in: 0...0xFFFF)
    return variant << 17 | chosen << 5 | (isBurst ? 16 : 0) | kind.rawValue
  }
}
