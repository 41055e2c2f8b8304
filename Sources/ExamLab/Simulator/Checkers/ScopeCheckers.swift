import ExamModel
import ExamStore
import ServerCore
import SyncProtocol

/// I9: once everything has come to rest, phones and server hold the same.
struct BothSidesAgree: Checker {
  let invariant = Invariant.i9

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    guard evidence.truth.cameToRest, let server = evidence.world.servers.first else { return finding }
    for phone in evidence.world.phones where !evidence.truth.modifiedPhones.contains(phone.node) {
      for scope in phone.scopes { finding.add(compare(scope, phone, server, evidence)) }
      for contents in phone.journals { finding.add(compare(contents, phone, evidence)) }
      for status in phone.statuses { finding.add(compare(status, phone, server, evidence)) }
    }
    return finding
  }

  private func compare(
    _ scope: ScopeContents, _ phone: PhoneDump, _ server: ServerDump, _ evidence: Evidence
  ) -> Finding {
    var finding = Finding()
    guard scope.cursor != .start, let dump = server.scopes.first(where: { $0.row.id == scope.scope }) else {
      return finding
    }
    let live = dump.records.filter { !$0.isDeleted }.sorted { $0.version < $1.version }
    let differing = zip(live, scope.records).first { $0 != $1 }?.0
    finding.expect(
      scope.cursor.version == dump.row.version && live == scope.records,
      Violation(
        .i9, evidence.end, phone.node, "scope \(scope.scope) is not the server's",
        expected: "version \(dump.row.version), \(live.count) records",
        found: "version \(scope.cursor.version), \(scope.records.count) records"
          + (differing.map { ", first difference at \($0.collection)/\($0.key)" } ?? "")))
    return finding
  }

  private func compare(_ contents: JournalContents, _ phone: PhoneDump, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    let end = contents.fork ?? contents.status.last
    guard end > 0, let own = evidence.phoneJournals[contents.status.id]?.first(where: { $0.node == phone.node }),
      own.entries.count >= Int(end)
    else { return finding }
    let servers = evidence.serverJournals[contents.status.id] ?? []
    finding.expect(
      servers.contains { AcknowledgedIsKept.holds($0.entries, end, own.entries[Int(end) - 1].head) },
      Violation(
        .i9, evidence.end, phone.node, "journal \(contents.status.id) is not whole on the server",
        expected: "\(end) entries, head \(own.entries[Int(end) - 1].head)",
        found: servers.first.map { "\($0.entries.count), head \($0.entries.last?.head.hex ?? "none")" } ?? "no journal")
    )
    return finding
  }

  /// The answers, where nothing was kept back and this phone is the one that writes.
  private func compare(
    _ status: AttemptStatus, _ phone: PhoneDump, _ server: ServerDump, _ evidence: Evidence
  ) -> Finding {
    var finding = Finding()
    guard let attempt = server.attempts.first(where: { $0.row.id == status.attempt }),
      attempt.row.record.leaseDevice == phone.deviceKey, !phone.journals.isEmpty,
      !attempt.row.record.isVoided
    else { return finding }
    // Another device handed in, and its paper counts: nothing undoes the seal here, so this one goes on showing what
    // was handed in on it, beside a receipt that is for other answers (I14 judges what it says of that).
    if let own = status.seal,
      attempt.seals.contains(where: { $0.ordinal == own.ordinal && $0.device != phone.deviceKey })
    {
      return finding
    }
    if evidence.wasLostOnBothSides(phone.node) || evidence.lostSealElsewhere(status, of: attempt) { return finding }
    var disputed = evidence.unknownAtSeal(status, of: attempt, on: server, phone)
    disputed.formUnion(evidence.itemsOfLostEntries(status.attempt, phone))
    for arrival in evidence.arrivals(of: attempt, on: server) where arrival.reason != nil {
      if let change = ItemValue(arrival.entry.entry?.kind) { disputed.insert(change.item) }
    }
    let shown = Dictionary(status.answers.compactMap { answer in answer.value.map { (answer.item, $0) } }) { a, _ in a }
    let applied = attempt.applied.answers.values
    for item in Set(shown.keys).union(applied.keys).subtracting(disputed).sorted() {
      finding.expect(
        shown[item] == applied[item],
        Violation(
          .i9, evidence.end, phone.node, "item \(item) of attempt \(status.attempt) differs from the server's",
          expected: NoResurrection.text(applied[item]), found: NoResurrection.text(shown[item])))
    }
    return finding
  }
}

/// I10: versions grow, and every digest is that of its records.
struct VersionsGrow: Checker {
  let invariant = Invariant.i10

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for scope in server.scopes { finding.add(check(scope, server, at: evidence.end)) }
    }
    for phone in evidence.world.phones {
      for scope in phone.scopes where scope.cursor != .start {
        finding.expect(
          scope.digest == Self.digest(scope.records) && scope.count == UInt64(scope.records.count),
          Violation(
            .i10, evidence.end, phone.node, "scope \(scope.scope) is not what its digest counts",
            expected: "\(scope.count) records, \(scope.digest.sum)",
            found: "\(scope.records.count), \(Self.digest(scope.records).sum)"))
      }
    }
    finding.add(cursors(evidence))
    // Reading it anew would mend what a delta left out, and nobody would see it. A store that was rolled back, or a
    // server, may differ.
    if evidence.truth.losses.isEmpty, evidence.truth.modifiedPhones.isEmpty, evidence.restores.isEmpty {
      finding.expect(
        evidence.world.digestMismatches == 0,
        Violation(
          .i10, evidence.end, .world, "deltas did not lead to the server's digest", expected: "never",
          found: "\(evidence.world.digestMismatches) times"))
    }
    return finding
  }

  private func check(_ scope: ServerScopeDump, _ server: ServerDump, at instant: Int64) -> Finding {
    var finding = Finding()
    let live = scope.records.filter { !$0.isDeleted }
    finding.expect(
      scope.row.digest == Self.digest(live) && scope.row.count == UInt64(live.count),
      Violation(
        .i10, instant, server.node, "scope \(scope.row.id) is not what its digest counts",
        expected: "\(scope.row.count) records, \(scope.row.digest.sum)",
        found: "\(live.count), \(Self.digest(live).sum)"))
    let versions = scope.records.map(\.version)
    finding.expect(
      Set(versions).count == versions.count && (versions.max() ?? 0) <= scope.row.version,
      Violation(
        .i10, instant, server.node, "versions of scope \(scope.row.id) are given twice, or above its own",
        expected: "each once, up to \(scope.row.version)", found: "\(versions.count) up to \(versions.max() ?? 0)"))
    let firsts = scope.epochs.map(\.firstVersion)
    finding.expect(
      zip(firsts, firsts.dropFirst()).allSatisfy(<) && (firsts.last ?? 0) <= scope.row.version,
      Violation(
        .i10, instant, server.node, "epochs of scope \(scope.row.id) do not begin one after another",
        expected: "growing first versions up to \(scope.row.version)", found: "\(firsts)"))
    return finding
  }

  /// What a phone has read of one epoch never shrinks, unless it begins anew.
  private func cursors(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for (node, events) in evidence.byNode.sorted(by: { $0.key.number < $1.key.number }) where node.isPhone {
      var cursors: [ID128: Cursor] = [:]
      for event in events {
        switch event.fact {
        case .scopeReset(let scope): cursors[scope] = nil
        case .opened: cursors = [:]
        case .scopeApplied(let scope, let epoch, let version):
          let before = cursors[scope]
          finding.expect(
            before?.epoch != epoch || before?.version ?? 0 <= version,
            Violation(
              .i10, event.trueMilliseconds, node, "scope \(scope) went back within epoch \(epoch)",
              expected: "version \(before?.version ?? 0) or more", found: "\(version)"))
          cursors[scope] = Cursor(epoch: epoch, version: version)
        default: break
        }
      }
    }
    return finding
  }

  static func digest(_ records: [Record]) -> ScopeDigest {
    var digest = ScopeDigest.empty
    for record in records { digest.add(record) }
    return digest
  }
}

/// I20: nothing of a candidate reaches another candidate's phone.
struct CandidatesAreApart: Checker {
  let invariant = Invariant.i20

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    let truth = evidence.truth
    for phone in evidence.world.phones {
      guard let candidate = phone.candidate else { continue }
      let attempts = truth.attempts.filter { $0.candidate == candidate }
      let allowed = Set(attempts.map(\.exam)).union([candidate])
      let own = Set(attempts.map(\.id))
      let others = Set(truth.attempts.map(\.id)).subtracting(own)
      for scope in phone.scopes {
        finding.expect(
          allowed.contains(scope.scope),
          Violation(
            .i20, evidence.end, phone.node, "scope \(scope.scope) is on this phone",
            expected: "only those of candidate \(candidate)", found: "\(scope.records.count) records of it"))
      }
      for journal in phone.journals {
        finding.expect(
          truth.attempts.isEmpty || own.contains(journal.status.attempt),
          Violation(
            .i20, evidence.end, phone.node, "journal \(journal.status.id) is of attempt \(journal.status.attempt)",
            expected: "an attempt of candidate \(candidate)",
            found: others.contains(journal.status.attempt) ? "another candidate's" : "nobody's"))
      }
    }
    let owners = Dictionary(evidence.world.phones.map { ($0.node, $0.candidate) }) { first, _ in first }
    finding.checked += evidence.world.capture.bytesSearched > 0 ? 1 : 0
    for hit in evidence.world.capture.hits {
      guard case .candidate(let candidate) = hit.secret, let owner = owners[hit.node] ?? nil, owner != candidate else {
        continue
      }
      finding.expect(
        false,
        Violation(
          .i20, hit.trueMilliseconds, hit.node, "bytes of candidate \(candidate) reached another candidate",
          expected: "nothing", found: "the canary, in \(hit.place)"))
    }
    return finding
  }
}
