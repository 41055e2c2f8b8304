import ExamModel
import SyncCore

/// One thing that a candidate, a server or the app does to a store.
enum PowerCutStep: Hashable, Sendable {
  case makeIdentity
  case logIn
  case deliver(ID128)
  case join
  case start
  case answer(item: String, AnswerValue)
  case clear(item: String)
  case flag(item: String, isSet: Bool)
  case visit(item: String)
  case leave(section: String)
  case lock(LockCause)
  case unlock(isRight: Bool)
  case seal
  case reopen
  case receipt
  case acknowledge
  case announce
  case setting(name: String, [UInt8])
  case blobPart
  case persistClock(remainingMilliseconds: Int64)

  /// What a choice of the concern `.action` means in the middle of an attempt.
  init(choice: Int64, phase: AttemptState.Phase) {
    var generator = SeededGenerator(seed: UInt64(bitPattern: choice))
    let lot = generator.next() % 100
    let item = "q\(generator.next() % 12)"
    switch phase {
    case .locked where lot < 55: self = .unlock(isRight: lot < 45)
    case .sealed where lot < 25: self = .receipt
    case .sealed where lot < 60: self = .reopen
    default: self = Self.plain(lot, item: item, &generator)
    }
  }

  private static func plain(_ lot: UInt64, item: String, _ generator: inout SeededGenerator) -> PowerCutStep {
    let number = generator.next()
    switch lot {
    case 0..<44: return .answer(item: item, .options([["A", "B", "C", "D"][Int(number % 4)]]))
    case 44..<49:
      let length = Int(100 + number % 3_000)
      return .answer(item: "essay", .text(String(repeating: "文", count: length / 3) + "\(number)"))
    case 49..<52: return .answer(item: "number", .number("\(number % 1_000)"))
    case 52..<56: return .clear(item: item)
    case 56..<63: return .flag(item: item, isSet: number & 1 == 0)
    case 63..<68: return .visit(item: item)
    case 68: return .leave(section: "s\(number % 3)")
    case 69..<72: return .lock(LockCause.allCases[Int(number % UInt64(LockCause.allCases.count))])
    case 72: return .unlock(isRight: true)
    case 73..<75: return .seal
    case 75..<84: return .acknowledge
    case 84..<90: return .announce
    case 90..<94: return .setting(name: "name\(number % 3)", (0..<20).map { UInt8(truncatingIfNeeded: number >> $0) })
    case 94..<98: return .blobPart
    default: return .persistClock(remainingMilliseconds: Int64(number % 3_600_000))
    }
  }

  /// Whether an entry is what this step journals. The last lock brings a seal.
  func journals(_ kind: EntryKind) -> Bool {
    switch (self, kind) {
    case (.join, .open), (.start, .start), (.lock, .lock), (.lock, .seal), (.unlock, .unlock), (.seal, .seal),
      (.reopen, .reopened):
      true
    case (.answer(let item, let value), .answer(let found, let foundValue)): item == found && value == foundValue
    case (.clear(let item), .clear(let found)), (.visit(let item), .visit(let found)): item == found
    case (.flag(let item, let isSet), .flag(let found, let foundIsSet)): item == found && isSet == foundIsSet
    case (.leave(let section), .sectionLeft(let found)): section == found
    default: false
    }
  }
}
