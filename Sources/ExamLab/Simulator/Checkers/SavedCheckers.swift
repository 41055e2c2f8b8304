import ExamModel
import ExamStore
import SyncProtocol

/// I1: what was shown as saved is on the phone, with the bytes that it had.
struct SavedIsKept: Checker {
  let invariant = Invariant.i1

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    let discarded = Discards(evidence.history)
    let nodes = Set(evidence.world.phones.map(\.node))
    for (node, reason) in evidence.world.unreadable.sorted(by: { $0.key.number < $1.key.number })
    where !evidence.truth.mayHaveLost(node, after: 0) {
      finding.expect(
        false, Violation(.i1, evidence.end, node, "its store", expected: "to be read", found: reason))
    }
    for event in evidence.history {
      guard case .saved(let journal, let sequence, let head, let item, _) = event.fact, nodes.contains(event.node),
        !evidence.truth.mayHaveLost(event.node, after: event.trueMilliseconds),
        !discarded.covers(event.node, journal, sequence)
      else { continue }
      let held = evidence.phoneJournals[journal]?.first { $0.node == event.node }
      let entry = held.flatMap { Self.entry(sequence, of: $0) }
      finding.expect(
        entry?.head == head,
        Violation(
          .i1, event.trueMilliseconds, event.node,
          "entry \(sequence) of journal \(journal)\(item.map { ", item \($0)," } ?? "") was shown as saved",
          expected: "the entry with head \(head) in the store", found: entry.map { "head \($0.head)" } ?? "nothing"))
    }
    return finding
  }

  static func entry(_ sequence: UInt64, of journal: PhoneJournal) -> JudgedEntry? {
    guard sequence >= 1, sequence <= UInt64(journal.entries.count) else { return nil }
    return journal.entries[Int(sequence) - 1]
  }
}

/// What phones deleted because it was over.
struct Discards {
  private var through: [ID128: [SimNode: UInt64]] = [:]

  init(_ history: [HistoryEvent]) {
    for event in history {
      guard case .entriesDiscarded(let journal, let last) = event.fact else { continue }
      through[journal, default: [:]][event.node] = max(through[journal]?[event.node] ?? 0, last)
    }
  }

  func covers(_ node: SimNode, _ journal: ID128, _ sequence: UInt64) -> Bool {
    sequence <= through[journal]?[node] ?? 0
  }
}

/// I2: a phone's log is 1, 2, 3 … under one chain, and holds nothing that nobody did.
struct LogIsPrefix: Checker {
  let invariant = Invariant.i2

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    let discarded = Discards(evidence.history)
    for phone in evidence.world.phones {
      for contents in phone.journals where !discarded.covers(phone.node, contents.status.id, 1) {
        finding.add(Self.chain(of: contents, evidence, phone: phone, at: evidence.end))
      }
      if !evidence.truth.mayHaveLost(phone.node, after: .min) { finding.add(unissued(phone, evidence)) }
    }
    return finding
  }

  static func chain(
    of contents: JournalContents, _ evidence: Evidence, phone: PhoneDump, at instant: Int64
  ) -> Finding {
    var finding = Finding()
    let status = contents.status
    let genesis = JudgedChain.genesis(journal: status.id, subject: status.attempt, deviceKey: contents.deviceKey)
    let computed = evidence.phoneJournals[status.id]?.first { $0.node == phone.node }?.entries ?? []
    for (row, entry) in zip(contents.entries, computed) where row.sequence != entry.sequence || row.head != entry.head {
      finding.expect(
        false,
        Violation(
          .i2, instant, phone.node, "journal \(status.id) breaks at its entry \(entry.sequence)",
          expected: "sequence \(entry.sequence), head \(entry.head)", found: "\(row.sequence), \(row.head)"))
      return finding
    }
    let end = computed.last?.head ?? genesis
    finding.expect(
      status.last == UInt64(computed.count) && status.head == end,
      Violation(
        .i2, instant, phone.node, "the row of journal \(status.id) is not what its entries end with",
        expected: "\(computed.count) entries, head \(end)", found: "\(status.last), \(status.head)"))
    return finding
  }

  /// Answers that nobody was told of, and that were not under way when a process died.
  private func unissued(_ phone: PhoneDump, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    var issued: Set<EntryName> = []
    var interrupted: [ItemValue: Int] = [:]
    for event in evidence.byNode[phone.node] ?? [] {
      switch event.fact {
      case .saved(let journal, let sequence, _, _, _): issued.insert(EntryName(journal: journal, sequence: sequence))
      case .saveInterrupted(let item?, let value):
        interrupted[ItemValue(item: item, value: value), default: 0] += 1
      default: break
      }
    }
    var carried: Set<[UInt8]> = []
    for contents in phone.journals {
      for entry in evidence.phoneJournals[contents.status.id]?.first(where: { $0.node == phone.node })?.entries ?? [] {
        if let fork = contents.fork, entry.sequence > fork { carried.insert(entry.body) }
        guard let change = ItemValue(entry.entry?.kind),
          !issued.contains(EntryName(journal: contents.status.id, sequence: entry.sequence)),
          !carried.contains(entry.body) || contents.fork.map({ entry.sequence > $0 }) == true
        else { continue }
        let left = interrupted[change] ?? 0
        interrupted[change] = left - 1
        finding.expect(
          left > 0,
          Violation(
            .i2, evidence.end, phone.node,
            "entry \(entry.sequence) of journal \(contents.status.id) changes item \(change.item)",
            expected: "an entry that was shown as saved, or that was under way when a process died",
            found: "nobody issued it"))
      }
    }
    return finding
  }
}

struct EntryName: Hashable {
  var journal: ID128
  var sequence: UInt64
}

/// What an entry makes of an item.
struct ItemValue: Hashable {
  var item: String
  var value: AnswerValue?

  init(item: String, value: AnswerValue?) {
    self.item = item
    self.value = value.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// `nil` for entries that change no answer.
  init?(_ kind: EntryKind?) {
    switch kind {
    case .answer(let item, let value): self.init(item: item, value: value)
    case .clear(let item): self.init(item: item, value: nil)
    default: return nil
    }
  }
}

/// I3: the answers table says what the entries amount to.
struct AnswersMatchEntries: Checker {
  let invariant = Invariant.i3

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for phone in evidence.world.phones {
      for attempt in phone.attempts {
        let journals = phone.journals.filter { $0.status.attempt == attempt.attempt }.compactMap { contents in
          evidence.phoneJournals[contents.status.id]?.first { $0.node == phone.node }
        }
        finding.add(Self.compare(attempt, journals, phone: phone, at: evidence.end))
      }
    }
    return finding
  }

  static func compare(
    _ attempt: AttemptContents, _ journals: [PhoneJournal], phone: PhoneDump, at instant: Int64
  ) -> Finding {
    var finding = Finding()
    let expected = JudgedAttempt.ofPhone(base: attempt.base, journals: journals).answers
    let rows = Dictionary(attempt.answers.map { ($0.item, $0) }) { first, _ in first }
    for item in Set(rows.keys).union(expected.keys).sorted() {
      let row = rows[item]
      let wanted = expected[item]
      let isEqual =
        row?.value == wanted?.value.map(JudgedSheet.value) && row?.isFlagged == wanted?.isFlagged
        && row?.journal == wanted?.journal && row?.sequence == wanted?.sequence
      finding.expect(
        isEqual,
        Violation(
          .i3, instant, phone.node, "the answers row of item \(item) is not what the entries amount to",
          expected: wanted.map { "\($0.value?.description ?? "none") from entry \($0.sequence)" } ?? "no row",
          found: row.map { "\($0.value.map(Hex.encode) ?? "none") from entry \($0.sequence)" } ?? "no row"))
    }
    return finding
  }
}
