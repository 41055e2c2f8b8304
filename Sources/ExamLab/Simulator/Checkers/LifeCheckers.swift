import ExamModel
import ExamStore
import ServerCore
import SyncProtocol

/// I18: before the release nobody can read the paper.
struct PaperIsSecret: Checker {
  let invariant = Invariant.i18

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    let truth = evidence.truth
    for event in evidence.history {
      let (exam, what): (ID128?, String)
      switch event.fact {
      case .keyReleased(let id): (exam, what) = (id, "the key was released")
      case .paperReadable(let attempt, _): (exam, what) = (truth.attempt(attempt)?.exam, "the paper could be read")
      default: continue
      }
      guard let exam = exam.flatMap(truth.exam) else { continue }
      let now = truth.latestServerTime(event.trueMilliseconds)
      finding.expect(
        truth.hadOpened(exam, by: event.trueMilliseconds),
        Violation(
          .i18, event.trueMilliseconds, event.node, "\(what) before the exam opened",
          expected: "at \(exam.opensAt) or later",
          found: "\(exam.opensAt - now) ms too early"))
    }
    finding.checked += evidence.world.capture.bytesSearched > 0 ? 1 : 0
    for hit in evidence.world.capture.hits {
      let exam: ID128
      switch hit.secret {
      case .paper(let id), .paperKey(let id): exam = id
      case .candidate: continue
      }
      guard hit.node.isPhone, let known = truth.exam(exam) else { continue }
      finding.expect(
        truth.hadOpened(known, by: hit.trueMilliseconds),
        Violation(
          .i18, hit.trueMilliseconds, hit.node, "the paper or its key was on a phone before the exam opened",
          expected: "nothing before \(known.opensAt)", found: "in \(hit.place)"))
    }
    return finding
  }
}

/// I19: what can be read of a paper is what was published, to the last bit, or nothing.
struct PaperIsAuthentic: Checker {
  let invariant = Invariant.i19

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    let truth = evidence.truth
    for event in evidence.history {
      guard case .paperReadable(let attempt, let content) = event.fact,
        let exam = truth.attempt(attempt).flatMap({ truth.exam($0.exam) })
      else { continue }
      finding.expect(
        content == exam.paper,
        Violation(
          .i19, event.trueMilliseconds, event.node, "the paper of attempt \(attempt) could be read, and is another",
          expected: "\(exam.paper)", found: "\(content)"))
    }
    return finding
  }
}

/// I23: queues, requests and retries stay under their bounds.
struct StaysBounded: Checker {
  let invariant = Invariant.i23

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for gauge in evidence.world.gauges {
      finding.expect(
        gauge.greatest <= gauge.bound,
        Violation(
          .i23, evidence.end, .world, gauge.name, expected: "\(gauge.bound) or less", found: "\(gauge.greatest)"))
    }
    return finding
  }
}

/// I24: once the faults are over, everything arrives within its bound, and every seal has its receipt.
struct ComesToRest: Checker {
  let invariant = Invariant.i24

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    let truth = evidence.truth
    // A run that was cut short has no end to judge.
    guard truth.boundAt > 0 else { return finding }
    finding.expect(
      truth.settledAt.map { $0 <= truth.boundAt } ?? false,
      Violation(
        .i24, truth.boundAt, .world, "the faults ended at \(truth.healedAt) ms, and not everything settled",
        expected: "settled by \(truth.boundAt) ms", found: truth.settledAt.map { "at \($0) ms" } ?? "never"))
    for phone in evidence.world.phones where !truth.modifiedPhones.contains(phone.node) {
      for status in phone.statuses {
        finding.expect(
          status.pendingEntries == 0,
          Violation(
            .i24, evidence.end, phone.node, "attempt \(status.attempt) still has entries to push",
            expected: "none pending", found: "\(status.pendingEntries)"))
        guard case .sealed(let ordinal) = status.phase else { continue }
        // A paper that was handed in on a phone which nobody gave the lease to is kept, and a person decides.
        let attempt = evidence.world.servers.last?.attempts.first { $0.row.id == status.attempt }
        let holder = attempt?.row.record.leaseDevice
        // Where another device's seal stands there, that one's receipt is what everybody waits for.
        let standing = attempt?.seals.first { $0.ordinal == ordinal }?.parsed
        finding.expect(
          status.receipt != nil || evidence.mayBeOfAnotherCopy(of: phone.node, status.attempt)
            || (holder != nil && holder != phone.deviceKey)
            || evidence.wasLostOnBothSides(phone.node)
            || evidence.namesLostEntries(status.seal) || evidence.namesLostEntries(standing),
          Violation(
            .i24, evidence.end, phone.node, "seal \(ordinal) of attempt \(status.attempt) has no receipt",
            expected: "a receipt", found: "none"))
      }
    }
    return finding
  }
}

/// I27: after its disk failed, a phone shows nothing as saved until its store was opened anew, and it says so.
struct StopsOnFailure: Checker {
  let invariant = Invariant.i27

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for (node, events) in evidence.byNode.sorted(by: { $0.key.number < $1.key.number }) where node.isPhone {
      var failedAt: Int64?
      var isTold = false
      for event in events {
        switch event.fact {
        case .saveRefused(_, let code) where code == ExamStoreError.Code.storageFailed.rawValue:
          if failedAt == nil { failedAt = event.trueMilliseconds }
        case .storageWarningShown(let code):
          isTold = true
          if failedAt == nil, code == ExamStoreError.Code.storageFailed.rawValue { failedAt = event.trueMilliseconds }
        case .opened, .killed, .powerCut, .rebooted, .closed:
          if let failed = failedAt, case .opened = event.fact {
            finding.expect(
              isTold,
              Violation(
                .i27, failed, node, "the disk failed", expected: "a warning on the screen", found: "none until reopened"
              ))
          }
          failedAt = nil
          isTold = false
        case .saved(let journal, let sequence, _, _, _):
          guard let failed = failedAt else { continue }
          finding.expect(
            false,
            Violation(
              .i27, event.trueMilliseconds, node, "entry \(sequence) of journal \(journal) was shown as saved",
              expected: "nothing more after the disk failed at \(failed) ms", found: "saved"))
        default: break
        }
      }
    }
    return finding
  }
}
