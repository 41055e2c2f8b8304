import ExamModel
import ExamStore
import SyncProtocol
import SyncWire

/// Judges each image that a phone comes back with: I1, I2, I3 and I25, at the time and not only at the end.
package final class ReopenChecker: LiveChecker {
  /// What one phone was told, and what it held when it was last looked at.
  private struct Memory {
    var saved: [EntryName: Digest256] = [:]
    var hasChanged = false
    var bodies: [ID128: [[UInt8]]] = [:]
    var attempts: [ID128: AttemptContents] = [:]
    var wasSeen = false
  }

  private var memories: [SimNode: Memory] = [:]
  private var findings: [Invariant: Finding] = [:]

  package init() {}

  /// What was found so far, for ``SimJudge/judge(_:_:live:)``.
  package var results: [(Invariant, Finding)] {
    findings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// A phone was wiped, or its files were damaged: nothing that it held before is asked for any more.
  package func forget(_ node: SimNode) { memories[node] = nil }

  package func observe(_ event: HistoryEvent) {
    guard event.node.isPhone else { return }
    switch event.fact {
    case .saved(let journal, let sequence, let head, _, _):
      memories[event.node, default: Memory()].saved[EntryName(journal: journal, sequence: sequence)] = head
      memories[event.node]?.hasChanged = true
    case .saveInterrupted, .successorOpened, .acknowledgementStored, .scopeApplied:
      memories[event.node, default: Memory()].hasChanged = true
    case .entriesDiscarded(let journal, _):
      let kept = memories[event.node]?.saved.filter { $0.key.journal != journal } ?? [:]
      memories[event.node]?.saved = kept
      memories[event.node]?.hasChanged = true
    default: break
    }
  }

  @discardableResult
  package func reopened(_ phone: PhoneDump, at trueMilliseconds: Int64) -> Finding {
    var world = WorldDump()
    world.phones = [phone]
    let evidence = Evidence(history: [], world: world)
    var all = Finding()
    func note(_ finding: Finding, _ invariant: Invariant) {
      findings[invariant, default: Finding()].add(finding)
      all.add(finding)
    }
    note(savedIsThere(phone, evidence, at: trueMilliseconds), .i1)
    for contents in phone.journals {
      note(LogIsPrefix.chain(of: contents, evidence, phone: phone, at: trueMilliseconds), .i2)
    }
    note(answersMatch(phone, evidence, at: trueMilliseconds), .i3)
    note(isUnchanged(phone, at: trueMilliseconds), .i25)
    var memory = memories[phone.node] ?? Memory()
    memory.bodies = Self.bodies(of: phone)
    memory.attempts = Dictionary(phone.attempts.map { ($0.attempt, $0) }) { first, _ in first }
    memory.hasChanged = false
    memory.wasSeen = true
    memories[phone.node] = memory
    return all
  }

  private func savedIsThere(_ phone: PhoneDump, _ evidence: Evidence, at instant: Int64) -> Finding {
    var finding = Finding()
    let saved = memories[phone.node]?.saved ?? [:]
    for (name, head) in saved.sorted(by: { ($0.key.journal, $0.key.sequence) < ($1.key.journal, $1.key.sequence) }) {
      let found = evidence.phoneJournals[name.journal]?.first.flatMap { SavedIsKept.entry(name.sequence, of: $0) }
      finding.expect(
        found?.head == head,
        Violation(
          .i1, instant, phone.node, "entry \(name.sequence) of journal \(name.journal) was shown as saved",
          expected: "the entry with head \(head) after the opening", found: found.map { "head \($0.head)" } ?? "nothing"
        ))
    }
    return finding
  }

  private func answersMatch(_ phone: PhoneDump, _ evidence: Evidence, at instant: Int64) -> Finding {
    var finding = Finding()
    for attempt in phone.attempts {
      let journals = phone.journals.filter { $0.status.attempt == attempt.attempt }.compactMap {
        evidence.phoneJournals[$0.status.id]?.first
      }
      finding.add(AnswersMatchEntries.compare(attempt, journals, phone: phone, at: instant))
    }
    return finding
  }

  /// With nothing done in between, only entries of the opening itself are new.
  private func isUnchanged(_ phone: PhoneDump, at instant: Int64) -> Finding {
    var finding = Finding()
    guard let memory = memories[phone.node], memory.wasSeen, !memory.hasChanged else { return finding }
    let now = Self.bodies(of: phone)
    for (journal, before) in memory.bodies.sorted(by: { $0.key < $1.key }) {
      let after = now[journal] ?? []
      let added = after.dropFirst(before.count)
      let areOpenings = added.allSatisfy { body in
        switch (try? Entry(wire: body))?.kind {
        case .open, .context: true
        default: false
        }
      }
      finding.expect(
        after.starts(with: before) && areOpenings,
        Violation(
          .i25, instant, phone.node, "journal \(journal) changed from one opening to the next",
          expected: "\(before.count) entries and those of the opening",
          found: "\(after.count), \(added.count) of them new"))
    }
    for attempt in phone.attempts {
      guard let before = memory.attempts[attempt.attempt] else { continue }
      // The process began with going on from the server's record that it held, and died of something else. What the
      // answers are then is judged by I3.
      if before.base != attempt.base, var word = Self.serversWord(attempt.attempt, on: phone) {
        // The first start stays.
        if let first = before.base?.startedAt { word.startedAt = min(first, word.startedAt ?? first) }
        if word == attempt.base { continue }
      }
      finding.expect(
        before.answers == attempt.answers && before.base == attempt.base,
        Violation(
          .i25, instant, phone.node, "answers of attempt \(attempt.attempt) changed from one opening to the next",
          expected: "\(before.answers.count) rows as they were", found: "\(attempt.answers.count) others"))
    }
    return finding
  }

  /// The server's record of an attempt's answers in the scope that this phone holds, all parts together.
  private static func serversWord(_ attempt: ID128, on phone: PhoneDump) -> AnswersRecord? {
    let key = AnswersRecord.key(attempt: attempt)
    let records = phone.scopes.first { $0.scope == phone.candidate }?.records ?? []
    var word: AnswersRecord?
    for record in records.sorted(by: { $0.key < $1.key }) where record.collection == ScopeCollection.answers {
      guard record.key == key || AnswersRecord.part(ofKey: record.key, attempt: attempt) != nil,
        let part = try? AnswersRecord(wire: record.body)
      else { continue }
      if word == nil { word = part } else { word?.merge(part) }
    }
    return word
  }

  private static func bodies(of phone: PhoneDump) -> [ID128: [[UInt8]]] {
    Dictionary(phone.journals.map { ($0.status.id, $0.entries.map(\.body)) }) { first, _ in first }
  }
}
