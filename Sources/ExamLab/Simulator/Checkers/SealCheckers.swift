import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

/// I12: after a seal nothing that it does not cover takes effect, and a seal never changes.
struct SealedIsSealed: Checker {
  let invariant = Invariant.i12

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      for attempt in server.attempts {
        finding.add(lateEntries(of: attempt, on: server, evidence))
        finding.add(statements(of: attempt, on: server, evidence))
      }
    }
    return finding
  }

  private func lateEntries(of attempt: ServerAttemptDump, on server: ServerDump, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    var seal: SealStatement?
    for arrival in evidence.arrivals(of: attempt, on: server) {
      let kind = arrival.entry.entry?.kind
      if let seal, !arrival.isNeutral, !arrival.isReopening {
        let isCovered = seal.journals.contains {
          $0.journal == arrival.journal.id && arrival.entry.sequence <= $0.sequence
        }
        finding.expect(
          isCovered || arrival.reason != nil,
          Violation(
            .i12, evidence.end, server.node,
            "entry \(arrival.entry.sequence) of journal \(arrival.journal.id) came after seal \(seal.ordinal)",
            expected: "kept without effect", found: "it was applied"))
      }
      guard arrival.reason == nil else { continue }
      if case .seal(let signed) = kind { seal = try? SealStatement(wire: signed.statement) }
      if arrival.isReopening { seal = nil }
    }
    return finding
  }

  /// The stored seal is the entry's, under the chain of its journal, signed by its device.
  private func statements(of attempt: ServerAttemptDump, on server: ServerDump, _ evidence: Evidence) -> Finding {
    var finding = Finding()
    for seal in attempt.seals {
      let journal = evidence.serverJournals[seal.journal]?.first { $0.node == server.node }
      let entry = journal.flatMap { found in
        AcknowledgedIsKept.holds(found.entries, seal.sequence, seal.headAfter)
          ? found.entries[Int(seal.sequence) - 1] : nil
      }
      var statement: [UInt8]?
      if case .seal(let signed) = entry?.entry?.kind { statement = signed.statement }
      finding.expect(
        statement == seal.statement,
        Violation(
          .i12, evidence.end, server.node, "seal \(seal.ordinal) of attempt \(seal.attempt) is not its journal's entry",
          expected: "entry \(seal.sequence) of journal \(seal.journal)", found: "another one, or none"))
      guard let key = server.devices.first(where: { $0.id == seal.device })?.publicKey else { continue }
      finding.expect(
        Signatures.verify(
          seal.signature, of: seal.statement + seal.headBefore.bytes, context: .seal, publicKey: key),
        Violation(
          .i12, evidence.end, server.node,
          "seal \(seal.ordinal) of attempt \(seal.attempt) is not signed by its device",
          expected: "a signature of device \(seal.device)", found: "another one"))
    }
    return finding
  }
}

/// I13: a receipt is what the seal says and what the server applied; it verifies, and is the same everywhere.
struct ReceiptsAreTrue: Checker {
  let invariant = Invariant.i13

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for server in evidence.world.servers {
      finding.add(roots(of: server, at: evidence.end))
      for attempt in server.attempts {
        let sheets = evidence.completedSheets(of: attempt, on: server)
        for row in attempt.receipts {
          finding.add(
            receipt(
              row, of: attempt, on: server,
              sheet: evidence.wasHonoured(attempt.row.id, on: server) ? nil : sheets[row.ordinal], evidence))
        }
      }
    }
    finding.add(copies(evidence))
    return finding
  }

  private func receipt(
    _ row: ReceiptStoreRow, of attempt: ServerAttemptDump, on server: ServerDump, sheet: [String: AnswerValue]?,
    _ evidence: Evidence
  ) -> Finding {
    var finding = Finding()
    let what = "receipt \(row.ordinal) of attempt \(attempt.row.id)"
    guard let receipt = try? Receipt(wire: row.receipt),
      let statement = try? receipt.verified(publicKey: server.publicKey).receipt
    else {
      finding.expect(
        false,
        Violation(
          .i13, evidence.end, server.node, what, expected: "a signature and an inclusion proof that verify",
          found: "they do not"))
      return finding
    }
    finding.checked += 1
    let seal = attempt.seals.first { $0.ordinal == row.ordinal }
    if evidence.isOfAnotherSeal(row.ordinal, attempt, on: server) {
      finding.add(itsOwnSeal(statement, what, on: server, evidence))
    } else if let seal, let said = try? SealStatement(wire: seal.statement) {
      finding.expect(
        statement.journal == seal.journal && statement.sequence == seal.sequence && statement.head == seal.headAfter
          && statement.answers == said.answers && statement.answerCount == said.answerCount
          && statement.attempt == attempt.row.id,
        Violation(
          .i13, evidence.end, server.node, "\(what) is not what the seal says",
          expected: "entry \(seal.sequence), \(said.answerCount) answers, \(said.answers)",
          found: "entry \(statement.sequence), \(statement.answerCount), \(statement.answers)"))
    }
    if let sheet {
      finding.expect(
        statement.applied == JudgedSheet.digest(sheet) && Int(statement.appliedCount) == sheet.count,
        Violation(
          .i13, evidence.end, server.node, "\(what) is not what the server applied",
          expected: "\(sheet.count) answers, \(JudgedSheet.digest(sheet))",
          found: "\(statement.appliedCount), \(statement.applied)"))
    }
    return finding
  }

  /// The seal that a receipt was made for lies here without effect, or on a device that did not say it again.
  private func itsOwnSeal(
    _ statement: ReceiptStatement, _ what: String, on server: ServerDump, _ evidence: Evidence
  ) -> Finding {
    var finding = Finding()
    guard let entry = evidence.entry(named: statement, on: server) else { return finding }
    var said: SealStatement?
    if case .seal(let signed) = entry.entry?.kind { said = try? SealStatement(wire: signed.statement) }
    finding.expect(
      said?.attempt == statement.attempt && said?.ordinal == statement.ordinal && said?.answers == statement.answers
        && said?.answerCount == statement.answerCount,
      Violation(
        .i13, evidence.end, server.node, "\(what) is not what its own seal says",
        expected: said.map { "\($0.answerCount) answers, \($0.answers)" } ?? "a seal at entry \(entry.sequence)",
        found: "\(statement.answerCount), \(statement.answers)"))
    return finding
  }

  /// Each signed root names the one before it.
  private func roots(of server: ServerDump, at instant: Int64) -> Finding {
    var finding = Finding()
    var previous: RootStoreRow?
    for row in server.roots {
      let statement = try? RootStatement(wire: row.statement)
      let index = previous.map { $0.epoch == row.epoch ? $0.index + 1 : 0 } ?? 0
      let named = previous.map { JudgedChain.digest($0.statement) } ?? .zero
      finding.expect(
        statement?.index == index && statement?.epoch == row.epoch && statement?.previous == named
          && Signatures.verify(row.signature, of: row.statement, context: .root, publicKey: server.publicKey),
        Violation(
          .i13, instant, server.node, "root \(row.id) does not follow the one before it",
          expected: "index \(index) after \(named), signed",
          found: statement.map { "index \($0.index) after \($0.previous)" } ?? "unreadable"))
      previous = row
    }
    return finding
  }

  /// What a phone holds is what the server holds, byte for byte, and what the server gave out.
  private func copies(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    var issued: [Sealed: Set<Digest256>] = [:]
    for event in evidence.history {
      guard case .receiptRead(let attempt, let ordinal, let wire) = event.fact else { continue }
      issued[Sealed(attempt: attempt, ordinal: ordinal), default: []].insert(wire)
    }
    for (sealed, wires) in issued.sorted(by: { ($0.key.attempt, $0.key.ordinal) < ($1.key.attempt, $1.key.ordinal) })
    where evidence.restores.isEmpty {
      finding.expect(
        wires.count == 1,
        Violation(
          .i13, evidence.end, .server(0), "seal \(sealed.ordinal) of attempt \(sealed.attempt) got several receipts",
          expected: "one receipt, byte for byte", found: "\(wires.count)"))
    }
    guard evidence.truth.cameToRest else { return finding }
    var onServer: [[UInt8]] = []
    for server in evidence.world.servers { onServer += server.attempts.flatMap { $0.receipts.map(\.receipt) } }
    let known = Set(onServer)
    for phone in evidence.world.phones {
      for attempt in phone.attempts where !evidence.mayBeOfAnotherCopy(of: phone.node, attempt.attempt) {
        for wire in attempt.receipts {
          finding.expect(
            known.contains(wire),
            Violation(
              .i13, evidence.end, phone.node, "a receipt on this phone is not the one on the server",
              expected: "the same bytes", found: "receipt with digest \(JudgedChain.digest(wire))"))
        }
      }
    }
    return finding
  }
}
