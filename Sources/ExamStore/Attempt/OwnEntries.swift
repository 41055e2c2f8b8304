import ExamModel
import SyncProtocol

/// Where an entry of this device stands: its journal, by the journal's number, and its sequence.
struct EntryPlace: Hashable, Comparable {
  var journal: Int64
  var sequence: UInt64

  /// Before every entry.
  static let beginning = EntryPlace(journal: 0, sequence: 0)

  static func < (left: EntryPlace, right: EntryPlace) -> Bool {
    (left.journal, left.sequence) < (right.journal, right.sequence)
  }
}

extension Set<KeptReason> {
  /// What more time makes count.
  static let tooLate: Set = [KeptReason.afterDeadline, .timeUndecided]

  /// What made an entry of this device count for nothing, whatever it says. Superseded is one where a restored server
  /// got the journal that goes on from it before the rest of the journal that it stands in.
  static let neverCounted: Set = [KeptReason.staleLease, .superseded]
}

/// An entry of this device, and where it stands.
typealias OwnEntry = (place: EntryPlace, kind: EntryKind)

/// Values of items, in the order in which they were said; `nil` where an answer was taken back.
typealias SaidValues = [(item: String, value: AnswerValue?)]

/// What the server kept without effect of this device's entries, as its dispositions say.
struct KeptEntries {
  /// By the journal's number.
  private var ranges: [Int64: [KeptRange]] = [:]

  mutating func add(_ ranges: [KeptRange], of journal: Int64) {
    self.ranges[journal, default: []] += ranges
  }

  func holds(_ place: EntryPlace, for reasons: Set<KeptReason>) -> Bool {
    (ranges[place.journal] ?? []).contains {
      reasons.contains($0.reason) && $0.from <= place.sequence && place.sequence <= $0.to
    }
  }

  /// Whether any entry was kept for one of these reasons.
  func names(_ reasons: Set<KeptReason>) -> Bool {
    ranges.values.contains { $0.contains { reasons.contains($0.reason) } }
  }
}

/// What the server says of an attempt, read once for all that is decided by it.
struct ServerWord {
  /// Its answers; `nil` where it says nothing of them.
  let record: AnswersRecord?
  let kept: KeptEntries
  /// The last sequence that the record covers, by the journal's number.
  private let covered: [Int64: UInt64]

  init(record: AnswersRecord?, kept: KeptEntries, journals: [JournalState]) {
    self.record = record
    self.kept = kept
    covered = Self.covered(by: record, of: journals)
  }

  /// The last sequence that a record covers, by the journal's number; none of one that was left, and in whose place the
  /// server follows another copy of this device.
  static func covered(by record: AnswersRecord?, of journals: [JournalState]) -> [Int64: UInt64] {
    let positions = (record?.journals ?? []).map { ($0.journal, $0.sequence) }
    let byID = Dictionary(positions, uniquingKeysWith: max)
    return Dictionary(uniqueKeysWithValues: journals.map { ($0.number, $0.isReplaced ? 0 : byID[$0.id] ?? 0) })
  }

  /// Whether this device was told what became of an entry. An acknowledgement does not tell: verdicts come with the
  /// candidate's scope, as its answers do, and an entry that the record covers was judged before the record was made.
  func covers(_ place: EntryPlace) -> Bool { place.sequence <= covered[place.journal] ?? 0 }
}

extension ExamStore {
  /// This device's entries of an attempt as far as they stand, journal by journal, in the order they were said in.
  func ownEntries(_ memory: AttemptMemory) throws(ExamStoreError) -> [OwnEntry] {
    var own: [OwnEntry] = []
    for journal in memory.journals {
      for stored in try journals().entryList(of: journal.number) where stored.sequence <= journal.end {
        own.append((EntryPlace(journal: journal.number, sequence: stored.sequence), stored.entry.kind))
      }
    }
    return own
  }

  /// The last values that this device said of some items, by where it said them, in the order in which they were said.
  /// An item that somebody answered since is not among them: the server has another value than this device's last one
  /// that counted, or than the one that its last one stands over here.
  func valuesNotAnsweredSince(
    _ own: [OwnEntry], _ memory: AttemptMemory, _ word: ServerWord, where isWanted: (EntryPlace) -> Bool
  ) -> SaidValues {
    var last: [String: (place: EntryPlace, value: AnswerValue?)] = [:]
    var counted: [String: AnswerValue] = [:]
    var countedHere: Set<String> = []
    let covered = ServerWord.covered(by: memory.base, of: memory.journals)
    for (place, kind) in own {
      guard let said = kind.said else { continue }
      last[said.item] = (place, said.value)
      guard !word.kept.holds(place, for: Set(KeptReason.allCases)) else { continue }
      counted[said.item] = said.value
      if place.sequence > covered[place.journal] ?? 0 { countedHere.insert(said.item) }
    }
    func isAnsweredSince(_ item: String, _ place: EntryPlace) -> Bool {
      guard let record = word.record else { return false }
      let standsOverBase = memory.fold.valuePlaces[item] == place && !countedHere.contains(item)
      return record.answers[item] != (standsOverBase ? memory.base?.answers[item] : counted[item])
    }
    return last.filter { isWanted($0.value.place) && !isAnsweredSince($0.key, $0.value.place) }
      .sorted { $0.value.place < $1.value.place }.map { (item: $0.key, value: $0.value.value) }
  }

  func serverWord(_ memory: AttemptMemory) throws(ExamStoreError) -> ServerWord {
    var kept = KeptEntries()
    for journal in memory.journals {
      // Where another copy of this store goes on, nothing that this one says again in its journal would count either.
      let ranges = try keptRanges(of: journal.id).filter { !(journal.isLive && $0.reason == .superseded) }
      kept.add(ranges, of: journal.number)
    }
    return ServerWord(record: try serverAnswers(of: memory.attempt), kept: kept, journals: memory.journals)
  }

  /// What the server kept without effect of a journal, of this device or of another one of the candidate.
  func keptRanges(of journal: ID128) throws(ExamStoreError) -> [KeptRange] {
    guard let candidate = device?.grant?.candidate else { return [] }
    return try values(
      DispositionRecord.self, ScopeCollection.disposition, in: candidate, keyPrefix: "\(journal.hex)/"
    ).values.map(\.range)
  }

  /// Whether this device writes, under the lease that the server's record of the attempt names.
  func writesUnderItsLease(_ memory: AttemptMemory, _ record: AttemptRecord) -> Bool {
    guard let live = memory.liveIndex else { return false }
    return memory.journals[live].lease == record.lease && leaseIsOwn(record)
  }
}

extension JournalState {
  /// The place of the last entry.
  var place: EntryPlace { EntryPlace(journal: number, sequence: last) }
}

extension SealMark {
  /// The place of the seal.
  var place: EntryPlace { EntryPlace(journal: journalNumber, sequence: sequence) }
}

extension EntryKind {
  /// What an answer or a clear says of its item; `nil` for every other kind.
  var said: (item: String, value: AnswerValue?)? {
    switch self {
    case .answer(let item, let value): (item, value.isEmpty ? nil : value)
    case .clear(let item): (item, nil)
    default: nil
    }
  }
}
