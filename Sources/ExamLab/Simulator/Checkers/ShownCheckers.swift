import ExamModel

/// I4: once a value was shown as saved, no older one is shown as the current answer.
struct NoResurrection: Checker {
  let invariant = Invariant.i4

  /// What a phone may show for one item.
  private struct Allowed {
    var settled: AnswerValue?
    var isKnown = false
    /// Saves that a death interrupted: each may have come through.
    var doubtful: [AnswerValue?] = []
    var attempt: ID128?
    var savedAt: Int64 = 0
  }

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for (node, events) in evidence.byNode.sorted(by: { $0.key.number < $1.key.number }) where node.isPhone {
      var allowed: [String: Allowed] = [:]
      var losses = evidence.truth.losses.filter { $0.node == node }.map(\.trueMilliseconds).sorted()
      for event in events {
        // What a phone lost comes back from the server as far as the server has it.
        while let loss = losses.first, loss <= event.trueMilliseconds {
          losses.removeFirst()
          allowed = [:]
        }
        switch event.fact {
        case .saved(let journal, _, _, let item?, let value):
          allowed[item] = Allowed(
            settled: Self.answer(value), isKnown: true, attempt: evidence.attempt(ofJournal: journal, of: node),
            savedAt: event.trueMilliseconds)
        case .saveInterrupted(let item?, let value):
          allowed[item, default: Allowed()].doubtful.append(Self.answer(value))
        case .successorOpened:
          // The server's answers are fetched before the candidate goes on.
          if losses.isEmpty, evidence.truth.losses.contains(where: { $0.node == node }) { allowed = [:] }
        case .shown(let item, let value):
          guard let known = allowed[item], known.isKnown else { continue }
          let shown = Self.answer(value)
          finding.expect(
            shown == known.settled || known.doubtful.contains { $0 == shown }
              || known.attempt.map {
                evidence.wasSaved(
                  shown, for: item, of: $0, elsewhereThan: node, after: known.savedAt, until: event.trueMilliseconds)
              } == true,
            Violation(
              .i4, event.trueMilliseconds, node, "an older answer to item \(item) was shown as the current one",
              expected: Self.text(known.settled), found: Self.text(shown)))
        default: break
        }
      }
    }
    return finding
  }

  private static func answer(_ value: AnswerValue?) -> AnswerValue? { value.flatMap { $0.isEmpty ? nil : $0 } }
  static func text(_ value: AnswerValue?) -> String { value.map { "“\($0)”" } ?? "no answer" }
}

/// I14: "handed in" is shown only over every answer that was shown as saved, and "receipt" only over a receipt that
/// holds them.
struct NoSilentLoss: Checker {
  let invariant = Invariant.i14

  func check(_ evidence: Evidence) -> Finding {
    var finding = Finding()
    for (node, events) in evidence.byNode.sorted(by: { $0.key.number < $1.key.number }) where node.isPhone {
      var saved: [ID128: [String: AnswerValue?]] = [:]
      var savedAt: [String: Int64] = [:]
      let sheets = evidence.sealedSheets(of: node)
      for event in events {
        switch event.fact {
        case .saved(let journal, _, _, let item?, let value):
          if evidence.truth.mayHaveLost(node, after: event.trueMilliseconds) { continue }
          guard let attempt = evidence.attempt(ofJournal: journal) else { continue }
          saved[attempt, default: [:]].updateValue(value.flatMap { $0.isEmpty ? nil : $0 }, forKey: item)
          savedAt[item] = event.trueMilliseconds
        case .saveInterrupted(let item?, let value):
          // Which of the two it is, the seal decides, unless it was the same once more.
          let value = value.flatMap { $0.isEmpty ? nil : $0 }
          for attempt in saved.keys where saved[attempt]?[item] != .some(value) { saved[attempt]?[item] = nil }
        case .sealedShown, .receiptShown:
          // A phone that was rolled back to before a seal hands in once more: only what stands at the end is judged.
          if evidence.truth.mayHaveLost(node, after: event.trueMilliseconds) { continue }
          finding.add(handedIn(event, sheets, saved, savedAt, evidence))
        default: break
        }
      }
    }
    return finding
  }

  private func handedIn(
    _ event: HistoryEvent, _ sheets: [Sealed: [String: AnswerValue]], _ saved: [ID128: [String: AnswerValue?]],
    _ savedAt: [String: Int64], _ evidence: Evidence
  ) -> Finding {
    var finding = Finding()
    switch event.fact {
    case .sealedShown(let attempt, let ordinal, let answers, let count):
      guard let sheet = sheets[Sealed(attempt: attempt, ordinal: ordinal)] else { return finding }
      finding.expect(
        JudgedSheet.digest(sheet) == answers && sheet.count == count,
        Violation(
          .i14, event.trueMilliseconds, event.node,
          "the seal shown does not cover the answers in the journal before it",
          expected: "\(sheet.count) answers, \(JudgedSheet.digest(sheet))", found: "\(count), \(answers)"))
      let own = (saved[attempt] ?? [:]).filter { item, value in
        sheet[item] == value
          || !evidence.wasSaved(
            sheet[item], for: item, of: attempt, elsewhereThan: event.node, after: savedAt[item] ?? 0,
            until: event.trueMilliseconds)
      }
      finding.add(missing(own, in: sheet, "seal \(ordinal)", event))
    case .receiptShown(let attempt, let ordinal, isComplete: true):
      guard !evidence.wasTakenBack(event),
        let sheet = evidence.receiptedSheets[Sealed(attempt: attempt, ordinal: ordinal)]
      else { return finding }
      if let sealed = sheets[Sealed(attempt: attempt, ordinal: ordinal)] {
        finding.add(missing(sealed.mapValues { $0 }, in: sheet, "receipt \(ordinal)", event))
      }
    default: break
    }
    return finding
  }

  private func missing(
    _ saved: [String: AnswerValue?], in sheet: [String: AnswerValue], _ what: String, _ event: HistoryEvent
  ) -> Finding {
    var finding = Finding()
    for (item, value) in saved.sorted(by: { $0.key < $1.key }) {
      finding.expect(
        sheet[item] == value,
        Violation(
          .i14, event.trueMilliseconds, event.node, "\(what) was shown, and item \(item) is not in it as it was saved",
          expected: NoResurrection.text(value), found: NoResurrection.text(sheet[item])))
    }
    return finding
  }
}

struct Sealed: Hashable {
  var attempt: ID128
  var ordinal: UInt32
}
