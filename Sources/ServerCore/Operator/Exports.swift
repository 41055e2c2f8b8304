public import ExamModel
import SyncProtocol
import SyncWire

/// What leaves the server as data.
extension ServerCore {
  func answersRow(_ row: AttemptRow) throws -> (rows: [AttemptAnswers], cost: UInt64) {
    let username = try store.candidate(row.candidate)?.username ?? ""
    var cost: UInt64 = 1
    let answers: [AttemptAnswers.Answer]
    let sheet: AnswerSheet
    if let applied = try storedAnswers(row) {
      answers = try StoredJSON.decode([AttemptAnswers.Answer].self, from: applied)
      sheet = AnswersExport.sheet(answers)
      cost += UInt64(answers.count / 4)
    } else {
      let cached = cache.attempt(row.id)
      let memory = try cached ?? load(row)
      cost += cached == nil ? memory.entries : UInt64(memory.answers.count / 4)
      answers = AnswersExport.answers(memory, deadline: deadline(of: memory, try known(exam: row.exam).row.record))
      sheet = memory.sheet
    }
    return (
      [
        AttemptAnswers(
          attempt: row.id, number: row.number, username: username, isSealed: row.isSealed,
          sealOrdinal: row.sealOrdinal, isVoided: row.record.isVoided, digest: Hash.sha256(sheet.canonicalBytes),
          answers: answers)
      ], cost
    )
  }

  /// The answer sheet as it is kept with the attempt.
  func encodedAnswers(of memory: AttemptMemory) throws -> [UInt8] {
    let exam = try known(exam: memory.row.exam).row.record
    return try AnswersExport.encode(memory, deadline: deadline(of: memory, exam))
  }

  /// The answers as they were when the receipt of the newest seal was made; `nil` while an attempt is under way.
  private func storedAnswers(_ row: AttemptRow) throws -> [UInt8]? {
    guard row.isSealed, cache.attempt(row.id) == nil,
      try store.receipt(attempt: row.id, ordinal: row.sealOrdinal) != nil
    else { return nil }
    return try store.applied(attempt: row.id)
  }

  /// Entries of all journals, one segment after another. The key is "attempt key|journal ordinal|sequence".
  func exportJournals(_ exam: ID128, _ page: PageRequest) throws -> Page<JournalEntryRow> {
    _ = try known(exam: exam)
    let limit = rows(of: page)
    let place = JournalPlace(page.after)
    var made: [JournalEntryRow] = []
    var after = place?.attempt
    if let place, let id = place.attempt?.id, let row = try store.attempt(id) {
      let next = try append(row, from: place, limit: limit, to: &made)
      if let next { return Page(rows: made, next: next) }
      after = (row.number, row.id)
    }
    for row in try store.attempts(exam: exam, after: after, limit: limit) {
      let next = try append(row, from: nil, limit: limit, to: &made)
      if let next { return Page(rows: made, next: next) }
      after = (row.number, row.id)
      if made.count >= limit { return Page(rows: made, next: JournalPlace.end(of: row)) }
    }
    return Page(rows: made, next: nil)
  }

  private func append(
    _ row: AttemptRow, from place: JournalPlace?, limit: Int, to made: inout [JournalEntryRow]
  ) throws -> String? {
    for journal in try store.journals(attempt: row.id).sorted(by: { $0.ordinal < $1.ordinal }) {
      if let place, journal.ordinal < place.ordinal { continue }
      let first = place.map { $0.ordinal == journal.ordinal ? $0.sequence + 1 : 1 } ?? 1
      guard first <= journal.sequence else { continue }
      var segments: [SegmentRow] = []
      try forEachSegment(of: journal, backFrom: journal.lastSegment) { segment in
        if segment.last >= first { segments.append(segment) }
        return segment.first > first
      }
      for segment in segments.reversed() {
        var sequence = segment.first
        SegmentBytes.forEach(segment.bytes) { body in
          if sequence >= first, made.count < limit {
            made.append(
              JournalEntryRow(attempt: row.id, journal: journal.id, sequence: sequence, body: Hex.encode(body)))
          }
          sequence += 1
        }
        if made.count >= limit, let last = made.last {
          return JournalPlace.encode(row, ordinal: journal.ordinal, sequence: last.sequence)
        }
      }
    }
    return nil
  }

  func receiptRows(_ row: AttemptRow) throws -> (rows: [ReceiptRow], cost: UInt64) {
    var made: [ReceiptRow] = []
    for receipt in try store.receipts(attempt: row.id) {
      made.append(
        ReceiptRow(
          attempt: row.id, candidateNumber: row.number, ordinal: receipt.ordinal, receiptNumber: receipt.number,
          serverTime: receipt.serverTime, receipt: Hex.encode(receipt.receipt),
          isSealSignatureValid: try isSealSigned(attempt: row.id, ordinal: receipt.ordinal)))
    }
    // Checking a signature takes as long as folding some thirty entries.
    return (made, UInt64(made.count) * 30 + 1)
  }

  private func isSealSigned(attempt: ID128, ordinal: UInt32) throws -> Bool {
    guard let seal = try store.seal(attempt: attempt, ordinal: ordinal), let device = try store.device(seal.device)
    else { return false }
    return Signatures.verify(
      seal.signature, of: seal.statement + seal.headBefore.bytes, context: .seal, publicKey: device.publicKey)
  }

  func dispositionRows(_ row: AttemptRow) throws -> (rows: [DispositionRow], cost: UInt64) {
    var made: [DispositionRow] = []
    for journal in try store.journals(attempt: row.id) where journal.kept > 0 {
      let proofs = try store.timeProofs(journal: journal.number).filter { $0.finding != .unproved }
      for range in try store.dispositions(journal: journal.number, from: 1, to: .max) {
        made.append(
          DispositionRow(
            attempt: row.id, journal: journal.id, from: range.from, to: range.to, reason: range.reason.name,
            timeBasis: try basis(of: range, proofs, row)?.rawValue))
      }
    }
    return (made, UInt64(made.count) + 1)
  }

  /// What makes a range late: the proofs up to its first entry, against the deadline as it is now.
  private func basis(of range: KeptRange, _ proofs: [TimeProofRow], _ row: AttemptRow) throws -> TimeBasis? {
    guard range.reason == .afterDeadline, let exam = exams[row.exam]?.row.record else { return nil }
    let window = AttemptWindow(
      opens: exam.opensAt, closes: exam.closesAt, durationMilliseconds: exam.durationMilliseconds,
      grantedMilliseconds: try grants(of: row).reduce(0) { $0 + $1.milliseconds })
    let proved = proofs.filter { $0.sequence <= range.from }.map(\.milliseconds).max()
    return TimeBasis.of(
      .late, deadline: window.deadline(started: row.progress.startedAt) + pendingMilliseconds(of: row),
      receivedAt: .max, provedMilliseconds: proved)
  }
}

/// A place in an export of journals.
private struct JournalPlace {
  var attempt: (number: String, id: ID128)?
  var ordinal: UInt32
  var sequence: UInt64

  init?(_ text: String?) {
    guard let parts = text?.split(separator: "|", maxSplits: 2), parts.count == 3,
      let ordinal = UInt32(parts[0]), let sequence = UInt64(parts[1])
    else { return nil }
    self.ordinal = ordinal
    self.sequence = sequence
    attempt = AttemptKey.decode(String(parts[2]))
  }

  static func encode(_ row: AttemptRow, ordinal: UInt32, sequence: UInt64) -> String {
    "\(ordinal)|\(sequence)|\(AttemptKey.encode(row))"
  }

  static func end(of row: AttemptRow) -> String { encode(row, ordinal: .max, sequence: 0) }
}

/// The applied answer sheet with its provenance, as it is kept and exported.
enum AnswersExport {
  static func answers(_ memory: AttemptMemory, deadline: Int64) -> [AttemptAnswers.Answer] {
    memory.sheet.sorted.compactMap { item, value in
      guard let current = memory.answers[item] else { return nil }
      let (kind, values) = value.exportForm
      let basis = TimeBasis.of(
        .inTime, deadline: deadline, receivedAt: current.receivedAt, provedMilliseconds: nil)
      return AttemptAnswers.Answer(
        item: item, kind: kind, values: values, journal: current.journal, sequence: current.sequence,
        lease: current.lease, timeClass: "in-time", timeBasis: basis?.rawValue)
    }
  }

  static func encode(_ memory: AttemptMemory, deadline: Int64) throws -> [UInt8] {
    try StoredJSON.encode(answers(memory, deadline: deadline))
  }

  static func sheet(_ answers: [AttemptAnswers.Answer]) -> AnswerSheet {
    var sheet = AnswerSheet()
    for answer in answers {
      if let value = AnswerValue(exportKind: answer.kind, values: answer.values) { sheet.set(value, for: answer.item) }
    }
    return sheet
  }
}

extension AnswerValue {
  var exportForm: (kind: String, values: [String]) {
    switch self {
    case .options(let ids): ("options", ids)
    case .text(let text): ("text", [text])
    case .blanks(let texts): ("blanks", texts)
    case .number(let text): ("number", [text])
    }
  }

  /// Reads what an export says of an answer; `nil` for an unknown kind.
  public init?(exportKind: String, values: [String]) {
    switch exportKind {
    case "options": self = .options(values)
    case "text": self = .text(values.first ?? "")
    case "blanks": self = .blanks(values)
    case "number": self = .number(values.first ?? "")
    default: return nil
    }
  }
}
