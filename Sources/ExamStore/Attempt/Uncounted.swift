import ExamModel
import SyncProtocol

/// What stands here and was kept without effect, in the order in which it is journalled once more.
struct Uncounted {
  /// Reopenings, the form, the start, locks and their unlocks.
  var facts: [EntryKind] = []
  var answers: SaidValues = []
  /// Answers of other journals that a restored server lost.
  var lost: SaidValues = []
  /// Sections that were left: after the answers in them.
  var left: [EntryKind] = []

  var isEmpty: Bool { facts.isEmpty && answers.isEmpty && lost.isEmpty && left.isEmpty }

  /// Its reopenings: of a paper whose time is up nothing else counts, and without them the bell's seal would be one
  /// that the server does not expect.
  var reopeningsAlone: Uncounted { Uncounted(facts: facts.filter(Self.isReopening)) }

  static func isReopening(_ kind: EntryKind) -> Bool {
    if case .reopened = kind { return true }
    return false
  }
}

/// What an entry says that has to be said once.
enum FactName: Hashable {
  case information
  case start
  case lock(UInt32)
  case unlock(UInt32)
  case section(String)
  case reopened(UInt32)

  static func all(in record: AnswersRecord?) -> Set<FactName> {
    guard let record else { return [] }
    var names = Set(record.locks.map(FactName.lock) + record.unlocked.map(FactName.unlock))
    names.formUnion(record.closedSections.map(FactName.section))
    if record.informationGiven { names.insert(.information) }
    if record.isStarted { names.insert(.start) }
    return names
  }

  /// A reopening that has nothing to open on the server: it knows of it, or has lost the seal, and takes the next one.
  func isReopening(ofNoSealOf record: AnswersRecord?) -> Bool {
    guard case .reopened(let ordinal) = self, let record else { return false }
    return !record.isSealed || ordinal != record.sealOrdinal
  }

  /// A seal that is not the last, or does not stand, was reopened.
  func isReopening(knownTo record: AnswersRecord?) -> Bool {
    guard case .reopened(let ordinal) = self, let record else { return false }
    return ordinal < record.sealOrdinal || ordinal == record.sealOrdinal && !record.isSealed
  }

  init?(_ kind: EntryKind) {
    switch kind {
    case .information: self = .information
    case .start: self = .start
    case .lock(let fact): self = .lock(fact.number)
    case .unlock(let fact): self = .unlock(fact.number)
    case .sectionLeft(let section): self = .section(section)
    case .reopened(let ordinal): self = .reopened(ordinal)
    default: return nil
    }
  }
}
