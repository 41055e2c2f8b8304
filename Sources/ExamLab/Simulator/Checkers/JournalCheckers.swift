import ExamModel
import ExamStore
import ServerCore
import SyncProtocol

/// I5: each entry is stored once, and every answer about it is the same.
struct StoredOnce: Checker {
  let invariant = Invariant.i5

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for journal in server.attempts.flatMap(\.journals) {
        var seen: Set<UInt64> = []
        for segment in journal.segments {
          let sequences = (0..<UInt64(JudgedChain.bodies(segment.bytes).count)).map { segment.first + $0 }
          let repeated = sequences.filter { !seen.insert($0).inserted }
          finding.expect(
            repeated.isEmpty,
            Violation(
              .i5, evidence.end, server.node, "journal \(journal.row.id) holds entries twice",
              expected: "each sequence in one segment", found: "\(repeated) again in segment \(segment.id)"))
        }
      }
    }
    finding.add(verdicts(evidence))
    return finding
  }

  /// The same range has the same verdict each time, and within one epoch an acknowledgement never goes back.
  private func verdicts(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    var reasons: [ID128: [UInt64: KeptReason]] = [:]
    var highest: [SimNode: [ID128: UInt64]] = [:]
    // What is newly acknowledged and not called kept, which is told with that acknowledgement: it counts.
    var counted: [ID128: [ClosedRange<UInt64>]] = [:]
    // A server that opens again holds what it stored and died over, and after a restore what a store from before says:
    // of that the first acknowledgement of a journal tells nothing.
    var opened: Set<SimNode> = []
    var openedAgain: Set<SimNode> = []
    var told: (journal: ID128, sequences: ClosedRange<UInt64>)?
    for event in evidence.history {
      if let (journal, sequences) = told, !Self.isKept(event.fact, of: journal) {
        counted[journal, default: []].append(sequences)
        told = nil
      }
      switch event.fact {
      case .serverOpened:
        highest[event.node] = nil
        if !opened.insert(event.node).inserted { openedAgain.insert(event.node) }
      case .serverRestored: (reasons, counted) = ([:], [:])
      case .acknowledged(let journal, let sequence, _):
        let known = highest[event.node]?[journal]
        let before = known ?? 0
        finding.expect(
          sequence >= before,
          Violation(
            .i5, event.trueMilliseconds, event.node, "an acknowledgement of journal \(journal) went back in one epoch",
            expected: "\(before) or more", found: "\(sequence)"))
        highest[event.node, default: [:]][journal] = max(before, sequence)
        if sequence > before, known != nil || !openedAgain.contains(event.node) {
          told = (journal, before + 1...sequence)
        }
      case .kept(let journal, let from, let to, let reason):
        for sequence in from...max(from, min(to, from + UInt64(Limits.pushEntries))) {
          let known = reasons[journal]?[sequence]
          finding.expect(
            known == reason || known == nil && counted[journal]?.contains { $0.contains(sequence) } != true,
            Violation(
              .i5, event.trueMilliseconds, event.node, "entry \(sequence) of journal \(journal) got another verdict",
              expected: known?.name ?? "it counts, as it did", found: reason.name))
          reasons[journal, default: [:]][sequence] = reason
        }
      default: break
      }
    }
    return finding
  }
}

extension StoredOnce {
  private static func isKept(_ fact: Fact, of journal: ID128) -> Bool {
    if case .kept(journal, _, _, _) = fact { return true }
    return false
  }
}

/// I6: a server's log has no gap, and every head is what the bytes give.
struct NoGap: Checker {
  let invariant = Invariant.i6

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for journal in server.attempts.flatMap(\.journals) {
        guard let judged = evidence.serverJournals[journal.row.id]?.first(where: { $0.node == server.node }) else {
          continue
        }
        finding.add(check(journal, judged: judged, at: evidence.end))
      }
    }
    return finding
  }

  private func check(_ journal: ServerJournalDump, judged: ServerJournal, at instant: Int64) -> Finding {
    var finding = Finding()
    var last: UInt64 = 0
    var previous: Int64 = 0
    for segment in journal.segments {
      let before = last
      last += UInt64(segment.count)
      let after = last >= 1 && last <= UInt64(judged.entries.count) ? judged.entries[Int(last) - 1].head : nil
      finding.expect(
        segment.first == before + 1 && segment.previous == previous && segment.headAfter == after,
        Violation(
          .i6, instant, judged.node,
          "segment \(segment.id) of journal \(journal.row.id) does not follow the one before",
          expected: "first \(before + 1) after segment \(previous), head \(after.map(\.hex) ?? "of its bytes")",
          found: "first \(segment.first) after segment \(segment.previous), head \(segment.headAfter)"))
      previous = segment.id
    }
    let head = judged.entries.last?.head
    finding.expect(
      journal.row.sequence == UInt64(judged.entries.count) && (head == nil || journal.row.head == head),
      Violation(
        .i6, instant, judged.node, "the row of journal \(journal.row.id) is not what its segments end with",
        expected: "\(judged.entries.count), head \(head.map(\.hex) ?? "of its genesis")",
        found: "\(journal.row.sequence), head \(journal.row.head)"))
    return finding
  }
}

/// I7: one sequence of a journal means one body. Where two copies of a store wrote on, both versions are kept.
struct OneBody: Checker {
  let invariant = Invariant.i7

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for (id, held) in evidence.phoneJournals.sorted(by: { $0.key < $1.key }) {
      for phone in held {
        for server in evidence.serverJournals[id] ?? [] {
          finding.add(compare(phone, server, evidence))
        }
      }
    }
    return finding
  }

  private func compare(_ phone: PhoneJournal, _ server: ServerJournal, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    let pairs = zip(phone.entries, server.entries)
    let common = pairs.prefix { $0.head == $1.head }.count
    let shared = min(phone.entries.count, server.entries.count)
    finding.checked += shared
    guard common < shared else { return finding }
    // A phone that does not know yet may go on; it knows once it has come to rest.
    if evidence.truth.cameToRest {
      finding.expect(
        phone.dump.fork.map { $0 <= UInt64(common) } ?? false,
        Violation(
          .i7, evidence.end, phone.node, "journal \(phone.id) has two versions from entry \(common + 1) on",
          expected: "the phone left it at \(common)",
          found: phone.dump.fork.map { "left at \($0)" } ?? "it is still written"))
      let kept = Set(
        evidence.phoneJournals.values.joined().filter { $0.node == phone.node && $0.id != phone.id }
          .flatMap { $0.entries.map(\.body) })
      for entry in phone.entries[common...] where ItemValue(entry.entry?.kind) != nil {
        finding.expect(
          kept.contains(entry.body),
          Violation(
            .i7, evidence.end, phone.node,
            "entry \(entry.sequence) of journal \(phone.id) is another one on the server",
            expected: "this phone's version in its successor", found: "it is nowhere"))
      }
    }
    return finding
  }
}

/// I8: what the server acknowledged is on the server, or at least on the phone when the server was taken back.
struct AcknowledgedIsKept: Checker {
  let invariant = Invariant.i8

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    let restores = evidence.restores
    let writers = evidence.lostEntries.writers
    for event in evidence.history {
      let (journal, sequence, head): (ID128, UInt64, Digest256?)
      switch event.fact {
      case .acknowledged(let id, let last, let at): (journal, sequence, head) = (id, last, at)
      case .entriesDiscarded(let id, let last): (journal, sequence, head) = (id, last, nil)
      default: continue
      }
      guard sequence > 0 else { continue }
      let servers = evidence.serverJournals[journal] ?? []
      let onServer = servers.contains { Self.holds($0.entries, sequence, head) }
      let wasTakenBack = restores.contains { $0.at >= event.trueMilliseconds && $0.from <= event.trueMilliseconds }
      let phones = evidence.phoneJournals[journal] ?? []
      let onPhone = phones.contains { Self.holds($0.entries, sequence, head) }
      // Also before: a phone that lost them asks what the server has, and then the server loses them too; and what a
      // phone that is gone had sent is acknowledged to nobody.
      let writerLostThem = evidence.truth.losses.contains { writers[journal]?.contains($0.node) == true }
      let holds = onServer || (wasTakenBack && (onPhone || writerLostThem))
      finding.expect(
        holds,
        Violation(
          .i8, event.trueMilliseconds, event.node,
          "journal \(journal) was \(event.node.isServer ? "acknowledged" : "discarded") up to entry \(sequence)",
          expected: wasTakenBack ? "the entry on the server or on the phone" : "the entry on the server",
          found: servers.isEmpty
            ? "the server has no such journal" : "the server has \(servers.map { $0.entries.count }) entries"))
    }
    return finding
  }

  static func holds(_ entries: [JudgedEntry], _ sequence: UInt64, _ head: Digest256?) -> Bool {
    guard sequence >= 1, sequence <= UInt64(entries.count) else { return false }
    return head == nil || entries[Int(sequence) - 1].head == head
  }
}
