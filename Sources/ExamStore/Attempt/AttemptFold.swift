import ExamModel
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// The current answer to one item, and the entry that made it.
struct CurrentAnswer: Hashable {
  /// `nil` after it was cleared, or where only a flag was set.
  var value: AnswerValue?
  var isFlagged = false
  /// The journal's number; 0 for an answer that came from the server's record.
  var journal: Int64
  var sequence: UInt64
}

/// The seal that stands, or the last one that stood.
struct SealMark: Hashable {
  var statement: SealStatement
  var journal: ID128
  var journalNumber: Int64
  var sequence: UInt64
  /// The chain head after the seal.
  var head: Digest256
}

extension EntryVerdict {
  /// Whether an entry changes what this device shows. Nothing is answered here while it is locked, or before the start.
  /// An answer below a lock was saved before this device knew of it: the server's record brought the lock from another
  /// one. One without a start was saved under another device's, which a restored server lost.
  var standsHere: Bool {
    switch self {
    case .applied, .kept(.whileLocked), .kept(.notStarted): true
    default: false
    }
  }
}

/// What an attempt's entries add up to: the same on each opening as after each save, because both run this.
struct AttemptFold: Hashable {
  private(set) var state = AttemptState()
  private(set) var answers: [String: CurrentAnswer] = [:]
  private(set) var answerCount = 0
  /// Where each item's value was said last on this device. A flag moves the answer's row, and not this: what became of
  /// the value is decided by its own entry.
  private(set) var valuePlaces: [String: EntryPlace] = [:]
  /// Answers that stand after a seal and so have no effect, though they were saved: the server's record brought the
  /// seal of another device, or of a state before a reopening. None after a reopening.
  private(set) var placesAfterSeal: Set<EntryPlace> = []
  private(set) var seal: SealMark?
  /// Bounds on server time at the start, as the journal allows them; `nil` without contact or before the start.
  private(set) var startedAt: TimeBounds?
  /// The boot and boot time of the start entry.
  private(set) var startedAtInstant: (DeviceBootTime)?
  /// The start had no contact: contexts of the same boot say when it was.
  private var isStartUnplaced = false
  private(set) var usedUnlocks: Set<ID128> = []
  private(set) var grantsSeen: Set<UInt32> = []
  private(set) var information: [InformationField] = []
  /// When each item was met first: a section is entered with the first of its items.
  private(set) var firstMet: [String: DeviceInstant] = [:]
  /// The locks of this device that the server's record covers, or that came after a seal which it names: they stay,
  /// whatever became of them there (I17).
  private var keptLocks = LockLedger()

  struct DeviceBootTime: Hashable {
    var bootID: ID128
    var bootMilliseconds: UInt64
  }

  /// Starts from what the server last said of the attempt, if this device needed that.
  init(base: AnswersRecord?, voids: Set<UInt32>) {
    for number in voids { state.ledger.void(number) }
    guard let base else { return }
    if base.informationGiven { admit(.information([])) }
    if base.isStarted { admit(.start(Start(code: "", paperVersion: 0))) }
    for section in base.closedSections { admit(.sectionLeft(section: section)) }
    var ledger = LockLedger()
    for number in base.unlocked {
      ledger.lock(number)
      _ = ledger.unlock(number)
    }
    for number in base.locks { ledger.lock(number) }
    state.ledger.merge(ledger)
    state.resume(sealOrdinal: base.sealOrdinal, isSealed: base.isSealed)
    startedAt = base.startedAt.map { TimeBounds(earliest: $0, latest: $0) }
    for (item, value) in base.answers.sorted {
      answers[item] = CurrentAnswer(value: value, journal: 0, sequence: 0)
      answerCount += 1
    }
  }

  mutating func void(_ numbers: Set<UInt32>) {
    for number in numbers { state.ledger.void(number) }
  }

  /// Takes an entry that is already part of `journal`, whose state is the one after it.
  mutating func apply(_ entry: Entry, in journal: JournalState) {
    if case .seal(let signed) = entry.kind, state.wasReopened(signed) { return }
    let verdict = admit(entry.kind)
    remember(entry.kind, in: journal)
    if verdict == .kept(.afterSeal) {
      if case .seal(let signed) = entry.kind { takeSealAgain(signed, in: journal) }
      keepLock(entry.kind)
      if entry.kind.said != nil { placesAfterSeal.insert(journal.place) }
    }
    guard verdict.standsHere else { return }
    #if PlantedBugs
      if planted(.lockCountResetByRestart), case .open = entry.kind, journal.last > 1 { state.ledger = LockLedger() }
    #endif
    if let said = entry.kind.said {
      change(said.item, in: journal) { $0.value = said.value }
      valuePlaces[said.item] = journal.place
    }
    switch entry.kind {
    case .flag(let item, let isSet):
      change(item, in: journal) { $0.isFlagged = isSet }
    case .start:
      if let bounds = journal.clock.bounds { startedAt = startedAt ?? bounds }
      if startedAtInstant == nil, let boot = journal.clock.bootID {
        startedAtInstant = DeviceBootTime(bootID: boot, bootMilliseconds: journal.clock.bootMilliseconds)
        isStartUnplaced = startedAt == nil
      }
    case .context:
      placeStart(by: journal.clock)
    case .information(let fields):
      information = fields
    case .seal(let signed):
      takeSeal(signed, in: journal)
    case .reopened:
      placesAfterSeal = []
    default: break
    }
  }

  /// Takes an entry that the server's record covers already: only what that record does not say.
  ///
  /// - Parameter sealOrdinal: of the last seal that the record counts; what becomes of those up to it is its to say.
  mutating func applyCovered(_ entry: Entry, in journal: JournalState, sealOrdinal: UInt32) {
    switch entry.kind {
    case .seal(let signed):
      if let statement = try? SealStatement(wire: signed.statement), statement.ordinal <= sealOrdinal {
        if statement.ordinal == state.sealOrdinal { takeSeal(signed, in: journal) }
      } else if admit(entry.kind) == .applied {
        takeSeal(signed, in: journal)
      }
    case .reopened(let ordinal):
      if ordinal > sealOrdinal { admit(entry.kind) }
    case .start:
      if startedAtInstant == nil, let boot = journal.clock.bootID {
        startedAtInstant = DeviceBootTime(bootID: boot, bootMilliseconds: journal.clock.bootMilliseconds)
      }
    case .lock:
      keepLock(entry.kind)
    case .unlock:
      remember(entry.kind, in: journal)
      keepLock(entry.kind)
    default:
      remember(entry.kind, in: journal)
      keepPlace(entry.kind, in: journal)
    }
  }

  /// A start without contact has its place in server time as soon as its boot has one: a later boot could not tell.
  private mutating func placeStart(by clock: JournalClock) {
    guard isStartUnplaced, let start = startedAtInstant, clock.bootID == start.bootID, let bounds = clock.bounds else {
      return
    }
    let distance = Int64(clamping: start.bootMilliseconds) - Int64(clamping: clock.bootMilliseconds)
    startedAt = bounds.advanced(byBootMilliseconds: distance)
  }

  /// The place of a value that stands as this entry said it, also where a record covers it: a restore may take that
  /// record back, and what becomes of the value then is decided by its own entry.
  private mutating func keepPlace(_ kind: EntryKind, in journal: JournalState) {
    guard let said = kind.said else { return }
    valuePlaces[said.item] = answers[said.item]?.value == said.value ? journal.place : nil
  }

  var sheet: AnswerSheet { AnswerSheet(answers.compactMapValues(\.value)) }

  /// The current values whose own entries are among some, in the order in which they were said.
  func values(where isWanted: (EntryPlace) -> Bool) -> SaidValues {
    valuePlaces.filter { isWanted($0.value) }.sorted { $0.value < $1.value }
      .map { (item: $0.key, value: answers[$0.key]?.value) }
  }

  /// A change of the answers row that an entry of this kind makes; `nil` if it makes none.
  func row(after kind: EntryKind, journal: Int64, sequence: UInt64) -> (item: String, answer: CurrentAnswer)? {
    let item: String
    switch kind {
    case .answer(let id, _), .clear(let id), .flag(let id, _): item = id
    default: return nil
    }
    var answer = answers[item] ?? CurrentAnswer(value: nil, journal: journal, sequence: sequence)
    switch kind {
    case .answer(_, let value): answer.value = value.isEmpty ? nil : value
    case .clear: answer.value = nil
    case .flag(_, let isSet): answer.isFlagged = isSet
    default: break
    }
    answer.journal = journal
    answer.sequence = sequence
    return (item, answer)
  }

  /// What was journalled was in time, as far as the device could tell; the server decides for itself.
  @discardableResult
  private mutating func admit(_ kind: EntryKind) -> EntryVerdict {
    state.skipLostSeals(before: kind)
    return state.admit(kind, time: .inTime, policy: AttemptPolicy())
  }

  private mutating func remember(_ kind: EntryKind, in journal: JournalState) {
    switch kind {
    case .unlock(let fact):
      if case .server(let nonce, _) = fact.proof { usedUnlocks.insert(nonce) }
    case .grantSeen(let number):
      grantsSeen.insert(number)
    case .visit(let item), .answer(let item, _), .clear(let item), .flag(let item, _):
      guard firstMet[item] == nil, let bootID = journal.clock.bootID else { return }
      let boot = journal.clock.bootMilliseconds
      firstMet[item] = DeviceInstant(
        bootID: bootID, bootMilliseconds: boot,
        wallMilliseconds: Int64(clamping: boot) &+ (journal.wallOffsetMilliseconds ?? 0))
    default: break
    }
  }

  /// A lock that this device showed stays, also where the server's record says that another device had handed in
  /// before.
  private mutating func keepLock(_ kind: EntryKind) {
    switch kind {
    case .lock(let fact):
      keptLocks.lock(fact.number)
      state.ledger.lock(fact.number)
    case .unlock(let fact):
      if keptLocks.unlock(fact.number) { state.ledger.merge(keptLocks) }
    default: break
    }
  }

  /// The seal that stands, made anew because the server kept it without effect: same ordinal, same answers.
  private mutating func takeSealAgain(_ signed: SignedStatement, in journal: JournalState) {
    guard let statement = try? SealStatement(wire: signed.statement), let seal,
      statement.ordinal == seal.statement.ordinal, statement.answers == seal.statement.answers
    else { return }
    takeSeal(signed, in: journal)
  }

  private mutating func takeSeal(_ signed: SignedStatement, in journal: JournalState) {
    guard let statement = try? SealStatement(wire: signed.statement) else { return }
    seal = SealMark(
      statement: statement, journal: journal.id, journalNumber: journal.number, sequence: journal.last,
      head: journal.head)
  }

  private mutating func change(_ item: String, in journal: JournalState, _ body: (inout CurrentAnswer) -> Void) {
    let hadValue = answers[item]?.value != nil
    var hasValue = false
    func update(_ answer: inout CurrentAnswer) {
      body(&answer)
      answer.journal = journal.number
      answer.sequence = journal.last
      hasValue = answer.value != nil
    }
    update(&answers[item, default: CurrentAnswer(value: nil, journal: 0, sequence: 0)])
    answerCount += (hasValue ? 1 : 0) - (hadValue ? 1 : 0)
  }
}
