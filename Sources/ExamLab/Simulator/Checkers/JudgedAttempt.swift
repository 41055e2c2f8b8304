import ExamModel
import ExamStore
import SyncProtocol
import SyncWire

/// The life of an attempt, written down a second time from the protocol and without a look at the code under test: what
/// its entries amount to.
struct JudgedAttempt {
  struct Answer: Equatable {
    /// `nil` after it was cleared, or where only a flag was set.
    var value: AnswerValue?
    var isFlagged = false
    var journal: ID128?
    var sequence: UInt64 = 0
  }

  var isStarted = false
  var isSealed = false
  var sealOrdinal: UInt32 = 0
  var locks: Set<UInt32> = []
  var unlocked: Set<UInt32> = []
  var answers: [String: Answer] = [:]

  /// The greatest lock that no unlock opened.
  var holding: UInt32? { locks.subtracting(unlocked).max() }
  /// Neither a lock nor a start matters: what was saved on a phone was saved before that phone knew of the one, or knew
  /// of the other from another device.
  var takesAnswers: Bool { !isSealed }

  /// The answers alone: those that have a value.
  var sheet: [String: AnswerValue] { answers.compactMapValues(\.value) }

  /// Starts from the server's word about the attempt.
  init(base: AnswersRecord? = nil) {
    guard let base else { return }
    isStarted = base.isStarted
    isSealed = base.isSealed
    sealOrdinal = base.sealOrdinal
    locks = Set(base.locks).union(base.unlocked)
    unlocked = Set(base.unlocked)
    for (item, value) in base.answers.values { answers[item] = Answer(value: value) }
  }

  /// Lets an entry take its effect on a phone, where every entry that stands in the journal was allowed at its time.
  mutating func take(_ kind: EntryKind, journal: ID128, sequence: UInt64) {
    switch kind {
    case .start: if !isSealed { isStarted = true }
    case .answer(let item, let value):
      change(item, journal, sequence) { $0.value = value.isEmpty ? nil : value }
    case .clear(let item): change(item, journal, sequence) { $0.value = nil }
    case .flag(let item, let isSet): change(item, journal, sequence) { $0.isFlagged = isSet }
    case .lock(let fact): if !isSealed { locks.insert(fact.number) }
    case .unlock(let fact): if !isSealed, holding == fact.number { unlocked.insert(fact.number) }
    case .seal(let signed):
      // One that was reopened seals nothing any more.
      let ordinal = (try? SealStatement(wire: signed.statement))?.ordinal ?? 0
      guard !isSealed, ordinal > sealOrdinal else { return }
      isSealed = true
      sealOrdinal = ordinal
    case .reopened(let ordinal): if isSealed, ordinal == sealOrdinal { isSealed = false }
    default: break
    }
  }

  /// Takes an entry that the server's record covers: only the seals and reopenings that the record does not count.
  mutating func takeCovered(_ kind: EntryKind, baseOrdinal: UInt32) {
    switch kind {
    case .seal(let signed):
      guard let statement = try? SealStatement(wire: signed.statement) else { return }
      guard statement.ordinal > baseOrdinal else { return }
      isSealed = true
      sealOrdinal = max(sealOrdinal, statement.ordinal)
    case .reopened(let ordinal): if ordinal > baseOrdinal, ordinal == sealOrdinal { isSealed = false }
    default: break
    }
  }

  private mutating func change(_ item: String, _ journal: ID128, _ sequence: UInt64, _ body: (inout Answer) -> Void) {
    guard takesAnswers else { return }
    var answer = answers[item] ?? Answer()
    body(&answer)
    answer.journal = journal
    answer.sequence = sequence
    answers[item] = answer
  }
}

extension JudgedAttempt {
  /// What a phone's entries of one attempt amount to, in the order in which its journals were opened.
  ///
  /// - Parameter visit: sees the state before each entry that counts.
  static func ofPhone(
    base: AnswersRecord?, journals: [PhoneJournal],
    visit: (JudgedAttempt, PhoneJournal, JudgedEntry) -> Void = { _, _, _ in }
  ) -> JudgedAttempt {
    var state = JudgedAttempt(base: base)
    for journal in journals {
      let covered = base?.journals.first { $0.journal == journal.id }?.sequence ?? 0
      let end = journal.dump.fork ?? .max
      for entry in journal.entries {
        guard let kind = entry.entry?.kind else { continue }
        if entry.sequence <= covered {
          state.takeCovered(kind, baseOrdinal: base?.sealOrdinal ?? 0)
        } else if entry.sequence <= end {
          visit(state, journal, entry)
          state.take(kind, journal: journal.id, sequence: entry.sequence)
        }
      }
    }
    return state
  }
}

/// The canonical bytes of an answer sheet (protocol, "Seals"), written down a second time.
enum JudgedSheet {
  static func digest(_ values: [String: AnswerValue]) -> Digest256 {
    var bytes = Array("examsync answers v1".utf8)
    append(UInt32(values.count), to: &bytes)
    let items = values.map { (name: Array($0.key.utf8), value: $0.value) }
    for item in items.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
      append(item.name, to: &bytes)
      append(value(item.value), to: &bytes)
    }
    return JudgedChain.digest(bytes)
  }

  static func value(_ value: AnswerValue) -> [UInt8] {
    let (tag, texts): (UInt8, [String]) =
      switch value {
      case .options(let ids): (1, ids)
      case .text(let text): (2, [text])
      case .blanks(let texts): (3, texts)
      case .number(let text): (4, [text])
      }
    var bytes = [tag]
    append(UInt32(texts.count), to: &bytes)
    for text in texts { append(Array(text.utf8), to: &bytes) }
    return bytes
  }

  private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
    for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: number >> UInt32(shift))) }
  }

  private static func append(_ part: [UInt8], to bytes: inout [UInt8]) {
    append(UInt32(part.count), to: &bytes)
    bytes += part
  }
}
