import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

extension Evidence {
  /// The answers that stood before each seal of a phone, by attempt and ordinal. Seals that the server's record covers
  /// are left out: what stood before them is not on this phone any more.
  func sealedSheets(of node: SimNode) -> [Sealed: [String: AnswerValue]] {
    var sheets: [Sealed: [String: AnswerValue]] = [:]
    guard let phone = world.phones.first(where: { $0.node == node }) else { return sheets }
    for attempt in phone.attempts {
      let journals = phone.journals.filter { $0.status.attempt == attempt.attempt }.compactMap { contents in
        phoneJournals[contents.status.id]?.first { $0.node == node }
      }
      _ = JudgedAttempt.ofPhone(base: attempt.base, journals: journals) { state, _, entry in
        guard case .seal(let signed) = entry.entry?.kind, !state.isSealed,
          let statement = try? SealStatement(wire: signed.statement), statement.ordinal > state.sealOrdinal
        else { return }
        sheets[Sealed(attempt: attempt.attempt, ordinal: statement.ordinal)] = state.sheet
      }
    }
    return sheets
  }

  /// What a server had applied when each seal was complete: the seal is there, and every journal that it lists.
  func completedSheets(of attempt: ServerAttemptDump, on server: ServerDump) -> [UInt32: [String: AnswerValue]] {
    var sheets: [UInt32: [String: AnswerValue]] = [:]
    var answers = JudgedAnswers()
    var waiting: SealStatement?
    var reached: [ID128: UInt64] = [:]
    let arrivals = arrivals(of: attempt, on: server)
    for (index, arrival) in arrivals.enumerated() {
      answers.take(arrival)
      reached[arrival.journal.id] = arrival.entry.sequence
      if arrival.reason == nil, case .seal(let signed) = arrival.entry.entry?.kind {
        waiting = try? SealStatement(wire: signed.statement)
      }
      if arrival.reason == nil, case .reopened = arrival.entry.entry?.kind { waiting = nil }
      // Receipts are made after whole segments.
      let isSegmentsEnd = index + 1 == arrivals.count || arrivals[index + 1].segment != arrival.segment
      guard isSegmentsEnd, let seal = waiting else { continue }
      guard seal.journals.allSatisfy({ $0.sequence <= reached[$0.journal] ?? 0 }) else { continue }
      sheets[seal.ordinal] = answers.sheet
      waiting = nil
    }
    return sheets
  }

  func findReceiptedSheets() -> [Sealed: [String: AnswerValue]] {
    var sheets: [Sealed: [String: AnswerValue]] = [:]
    for server in world.servers {
      for attempt in server.attempts {
        for (ordinal, sheet) in completedSheets(of: attempt, on: server)
        where !wasHonoured(attempt.row.id, on: server) {
          sheets[Sealed(attempt: attempt.row.id, ordinal: ordinal)] = sheet
        }
      }
    }
    return sheets
  }

  /// Whether the receipt that counts is one that a device presented after a restore, for a seal that the server did not
  /// know any more, while another seal counts there under the same ordinal: another device had handed in, or the same
  /// device before, under a lease whose release the restore undid. What it holds is under the server's own signature;
  /// what the server applied later says nothing about it.
  func isOfAnotherSeal(_ ordinal: UInt32, _ attempt: ServerAttemptDump, on server: ServerDump) -> Bool {
    guard !restores.isEmpty, let seal = attempt.seals.first(where: { $0.ordinal == ordinal }),
      let row = attempt.receipts.first(where: { $0.ordinal == ordinal }),
      let statement = row.parsed
    else { return false }
    // A phone that went back too may have handed in anew at the same place.
    return (statement.journal, statement.sequence, statement.head) != (seal.journal, seal.sequence, seal.headAfter)
      && wasHonoured(attempt.row.id, on: server)
  }

  /// Whether the receipt that counts may be of a seal that a phone does not hold any more, because it went back too: a
  /// device presented it after a restore. The phone shows none, or one of its own, and a person decides.
  func mayBeOfAnotherCopy(of node: SimNode, _ attempt: ID128) -> Bool {
    truth.losses.contains { $0.node == node } && world.servers.contains { wasHonoured(attempt, on: $0) }
  }

  /// Whether a device presented a receipt of an attempt that the server had not: it was restored from before it.
  func wasHonoured(_ attempt: ID128, on server: ServerDump) -> Bool {
    server.audit.contains { $0.action == "receipt-honoured" && $0.subject == attempt.hex }
  }

  /// The entry that stands where a receipt says, under the head that it says; `nil` where the server does not hold it.
  func entry(named statement: ReceiptStatement, on server: ServerDump) -> JudgedEntry? {
    guard let journal = serverJournals[statement.journal]?.first(where: { $0.node == server.node }),
      AcknowledgedIsKept.holds(journal.entries, statement.sequence, statement.head)
    else { return nil }
    return journal.entries[Int(statement.sequence) - 1]
  }

  /// Items whose answers came from another device's entries that a phone could not know of when it handed in: it was
  /// without a network, and after a seal nothing is adopted. Its receipt says that the server applied other answers.
  func unknownAtSeal(
    _ status: AttemptStatus, of attempt: ServerAttemptDump, on server: ServerDump, _ phone: PhoneDump
  ) -> Set<String> {
    guard let seal = status.seal else { return [] }
    let positions = Dictionary(seal.journals.map { ($0.journal, $0.sequence) }) { max($0, $1) }
    let told = toldBeforeSeal(seal, of: attempt, on: server, phone)
    func isAnothers(_ journal: ID128) -> Bool { !phone.journals.contains { $0.status.id == journal } }
    var items: Set<String> = []
    for arrival in arrivals(of: attempt, on: server) where arrival.reason == nil {
      let (sequence, journal) = (arrival.entry.sequence, arrival.journal.id)
      guard sequence > told[journal] ?? 0, let change = ItemValue(arrival.entry.entry?.kind),
        sequence > positions[journal] ?? 0 || isAnothers(journal) && cameAgain(sequence, of: journal)
      else { continue }
      items.insert(change.item)
    }
    return items
  }

  /// How much of each journal the server's record of the answers named that the phone had read before it handed in.
  /// Nothing where answers of the phone itself were kept under another lease: those had to be journalled first, which
  /// a lock and the bell prevent.
  private func toldBeforeSeal(
    _ seal: SealStatement, of attempt: ServerAttemptDump, on server: ServerDump, _ phone: PhoneDump
  ) -> [ID128: UInt64] {
    let events = byNode[phone.node] ?? []
    let epochs = epochsSinceRestore
    let candidate = attempt.row.candidate
    guard
      let end = events.firstIndex(where: {
        guard case .sealedShown(attempt.row.id, seal.ordinal, _, _) = $0.fact else { return false }
        return true
      }),
      let scope = server.scopes.first(where: { $0.row.id == candidate }),
      let record = scope.records.first(where: {
        $0.collection == ScopeCollection.answers && $0.key == AnswersRecord.key(attempt: attempt.row.id)
      }),
      let answers = try? AnswersRecord(wire: record.body),
      events[..<end].contains(where: {
        guard case .scopeApplied(candidate, let epoch, let version) = $0.fact else { return false }
        return version >= record.version && epochs.contains(epoch)
      }),
      !arrivals(of: attempt, on: server).contains(where: {
        $0.reason == .staleLease && $0.journal.dump.row.device == phone.deviceKey
          && ItemValue($0.entry.entry?.kind) != nil
      })
    else { return [:] }
    return Dictionary(answers.journals.map { ($0.journal, $0.sequence) }) { max($0, $1) }
  }

  /// The epochs of the openings since the last restore: a response of before it may arrive later.
  private var epochsSinceRestore: Set<UInt64> {
    let restoredAt = restores.map(\.at).max() ?? .min
    return Set(
      history.compactMap { event in
        guard case .serverOpened(let epoch) = event.fact, event.trueMilliseconds > restoredAt else { return nil }
        return epoch
      })
  }

  /// When a server's state was taken back, and to which instant.
  var restores: [(at: Int64, from: Int64)] {
    history.compactMap { event in
      guard case .serverRestored(let from) = event.fact else { return nil }
      return (event.trueMilliseconds, from)
    }
  }
}
