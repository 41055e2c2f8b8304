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
  /// Whether answers wait below another device's lock that holds: they count when they are said again after its unlock.
  /// Until then a record that covers their entries would hide them.
  var waitsForUnlock = false

  /// Whether nothing can be said again now.
  var isEmpty: Bool { facts.isEmpty && answers.isEmpty && lost.isEmpty && left.isEmpty }

  /// Its reopenings: of a paper whose time is up nothing else counts, and without them the bell's seal would be one
  /// that the server does not expect.
  var reopeningsAlone: Uncounted { Uncounted(facts: facts.filter(Self.isReopening)) }

  static func isReopening(_ kind: EntryKind) -> Bool {
    if case .reopened = kind { return true }
    return false
  }
}

/// The facts that this device's entries say: those that count as far as the server told, and those that wait to be said
/// again.
struct ToldFacts {
  typealias Fact = (name: FactName, kind: EntryKind)

  /// What the server knows from any device has been said.
  let known: Set<FactName>
  var counted: Set<FactName>
  /// In the order in which they were said.
  private(set) var waiting: [Fact] = []
  /// Below an unlock, what another device's lock kept from counting counts when it is said again; below a grant, what
  /// came too late.
  private(set) var lastUnlock = EntryPlace.beginning
  private(set) var lastGrant = EntryPlace.beginning
  private let word: ServerWord
  /// A start opened nothing where the form before it was kept: it follows the form that is said again.
  private var startWithoutForm: EntryKind?
  /// Unlocks that the server refused because a later lock held: after that one's unlock they open theirs.
  private var refused: [Fact] = []

  init(_ word: ServerWord) {
    self.word = word
    known = FactName.all(in: word.record)
    counted = known
  }

  /// Takes the entries of the device one after the other.
  mutating func take(_ kind: EntryKind, at place: EntryPlace) {
    if case .grantSeen = kind { lastGrant = place }
    guard let name = FactName(kind), !name.isReopening(ofNoSealOf: word.record) else { return }
    if name == .start, word.kept.holds(place, for: [.informationMissing]) {
      startWithoutForm = kind
      if waiting.contains(where: { $0.name == .information }) { sayStartAgain() }
      return
    }
    if isLost(name, at: place) {
      waiting.append((name, kind))
    } else {
      counted.insert(name)
      if case .unlock = name { takeUnlock((name, kind), at: place) }
    }
    if name == .information { sayStartAgain() }
  }

  /// An unlock opened nothing on the server where the lock before it was kept: it goes with the lock.
  private func isLost(_ name: FactName, at place: EntryPlace) -> Bool {
    if case .unlock(let number) = name, !counted.contains(.lock(number)), !known.contains(name) { return true }
    return word.kept.holds(place, for: .neverCounted)
  }

  private mutating func sayStartAgain() {
    guard let start = startWithoutForm else { return }
    waiting.append((.start, start))
    startWithoutForm = nil
  }

  private mutating func takeUnlock(_ unlock: Fact, at place: EntryPlace) {
    if word.kept.holds(place, for: [.unlockInvalid]) { return refused.append(unlock) }
    lastUnlock = place
    for again in refused where again.name != unlock.name && !known.contains(again.name) {
      counted.remove(again.name)
      waiting.append(again)
    }
    refused = []
  }
}

/// The locks that hold where the facts that were said count.
struct HeldLocks {
  private var numbers: Set<UInt32> = []

  init(_ names: Set<FactName>) {
    for case .lock(let number) in names where !names.contains(.unlock(number)) { numbers.insert(number) }
  }

  /// Follows a fact that is said now.
  ///
  /// - Returns: `false` for an unlock that would open nothing: a later lock holds, and has to be opened first.
  mutating func take(_ name: FactName) -> Bool {
    switch name {
    case .lock(let number): numbers.insert(number)
    case .unlock(let number):
      guard numbers.max() == number else { return false }
      numbers.remove(number)
    default: break
    }
    return true
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
