import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

/// I22: one device writes an attempt at a time; what comes under an old lease is kept and has no effect.
struct OneWriter: Checker {
  let invariant = Invariant.i22

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for attempt in server.attempts {
        var writers: [UInt32: ID128] = [:]
        var newest: UInt32 = 0
        let leases = LeaseHistory(of: attempt, on: server, evidence)
        for arrival in evidence.arrivals(of: attempt, on: server) where arrival.reason == nil {
          let device = arrival.journal.dump.row.device
          let writer = writers[arrival.lease] ?? device
          finding.expect(
            writer == device && arrival.lease >= newest
              && leases.inForce(for: arrival)?.contains(arrival.lease) ?? true,
            Violation(
              .i22, evidence.end, server.node,
              "entry \(arrival.entry.sequence) of journal \(arrival.journal.id) counts under lease \(arrival.lease)",
              expected: "kept as stale: lease \(max(newest, arrival.lease)) belongs to device \(writer)",
              found: "applied for device \(device)"))
          writers[arrival.lease] = writer
          newest = max(newest, arrival.lease)
        }
      }
    }
    return finding
  }
}

/// I17: locks and voids only grow, on every node; an unlock opens one lock, once.
struct LocksOnlyGrow: Checker {
  let invariant = Invariant.i17

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for attempt in server.attempts { finding.add(ledger(of: attempt, on: server, evidence)) }
    }
    for phone in evidence.world.phones { finding.add(ledger(of: phone, evidence)) }
    finding.add(shown(evidence))
    return finding
  }

  private func ledger(of attempt: ServerAttemptDump, on server: ServerDump, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    var locks: Set<UInt32> = []
    var unlocks: [UInt32: Int] = [:]
    var isSealed = false
    for arrival in evidence.arrivals(of: attempt, on: server) where arrival.reason == nil {
      switch arrival.entry.entry?.kind {
      case .lock(let fact): locks.insert(fact.number)
      case .unlock(let fact): unlocks[fact.number, default: 0] += 1
      case .seal: isSealed = true
      case .reopened: isSealed = false
      default: break
      }
    }
    finding.expect(
      Set(attempt.applied.locks) == locks,
      Violation(
        .i17, evidence.end, server.node, "the locks of attempt \(attempt.row.id) are not those of its entries",
        expected: "\(locks.sorted())", found: "\(attempt.applied.locks)"))
    for (number, times) in unlocks.sorted(by: { $0.key < $1.key }) {
      finding.expect(
        times == 1 && locks.contains(number),
        Violation(
          .i17, evidence.end, server.node, "unlock \(number) of attempt \(attempt.row.id) took effect",
          expected: "once, for a lock that is there", found: "\(times) times, locks \(locks.sorted())"))
    }
    let voids = Set(
      server.scopes.first { $0.row.id == attempt.row.candidate }?.records
        .filter { $0.collection == ScopeCollection.void && !$0.isDeleted }
        .compactMap { try? NumberedRecord(wire: $0.body) }.filter { $0.attempt == attempt.row.id }.map(\.number) ?? [])
    finding.expect(
      voids == Set(attempt.applied.voids),
      Violation(
        .i17, evidence.end, server.node, "the voids of attempt \(attempt.row.id) are not those of its records",
        expected: "\(voids.sorted())", found: "\(attempt.applied.voids)"))
    let maximum = evidence.truth.attempt(attempt.row.id).flatMap { evidence.truth.exam($0.exam) }?.maximumLocks ?? 0
    if maximum > 0, evidence.truth.cameToRest, locks.subtracting(voids).count >= Int(maximum), attempt.seals.isEmpty {
      finding.expect(
        isSealed,
        Violation(
          .i17, evidence.end, server.node, "attempt \(attempt.row.id) has \(locks.count) locks",
          expected: "handed in at lock \(maximum)", found: "it is open"))
    }
    return finding
  }

  private func ledger(of phone: PhoneDump, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    for status in phone.statuses {
      var locks: Set<UInt32> = []
      for contents in phone.journals where contents.status.attempt == status.attempt {
        let journal = evidence.phoneJournals[contents.status.id]?.first { $0.node == phone.node }
        for entry in journal?.entries ?? [] where entry.sequence <= contents.fork ?? .max {
          if case .lock(let fact) = entry.entry?.kind { locks.insert(fact.number) }
        }
      }
      finding.expect(
        locks.isSubset(of: status.locks.locks),
        Violation(
          .i17, evidence.end, phone.node, "a lock of attempt \(status.attempt) is gone from the screen",
          expected: "\(locks.sorted())", found: "\(status.locks.locks.sorted())"))
    }
    return finding
  }

  /// A lock that was shown is in the journal of that phone for good.
  private func shown(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for phone in evidence.world.phones {
      let known = Set(phone.statuses.flatMap { $0.locks.locks })
      for event in evidence.byNode[phone.node] ?? [] {
        guard case .lockedShown(let number) = event.fact,
          !evidence.truth.mayHaveLost(phone.node, after: event.trueMilliseconds)
        else { continue }
        finding.expect(
          known.contains(number),
          Violation(
            .i17, event.trueMilliseconds, phone.node, "lock \(number) was shown",
            expected: "it is there at the end", found: "locks \(known.sorted())"))
      }
    }
    return finding
  }
}

/// I21, as far as the dumps show it: every journal belongs to a device that its candidate registered.
struct JournalsHaveOwners: Checker {
  let invariant = Invariant.i21

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for attempt in server.attempts {
        for journal in attempt.journals {
          let owner = server.devices.first { $0.id == journal.row.device }?.candidate
          finding.expect(
            owner == attempt.row.candidate,
            Violation(
              .i21, evidence.end, server.node, "journal \(journal.row.id) was written by device \(journal.row.device)",
              expected: "a device of candidate \(attempt.row.candidate)",
              found: owner.map { "candidate \($0)" } ?? "a device that nobody registered"))
        }
      }
    }
    return finding
  }
}
