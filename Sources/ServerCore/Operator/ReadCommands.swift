import ExamModel
import SyncProtocol
import SyncWire

/// Lists, boards and exports: paged by key, so that none holds the writer for long.
extension ServerCore {
  func read(_ command: OperatorCommand) throws -> OperatorResult {
    switch command {
    case .listExams(let page): .exams(listExams(page))
    case .showExam(let exam): .exam(summary(try known(exam: exam).row))
    case .publishingState(let exam): .publishing(try publishingState(exam))
    case .listAttempts(let exam, let page):
      .attempts(try attemptPage(exam, page) { row in ([try self.summary(row)], 1) })
    case .showAttempt(let attempt): .attempt(try detail(known(attempt)))
    case .findAttempt(let exam, let candidate): .attempt(try detail(find(candidate, in: exam)))
    case .board(let exam, let page): .board(try attemptPage(exam, page, boardRow))
    case .exportAnswers(let exam, let page): .answers(try attemptPage(exam, page, answersRow))
    case .exportJournals(let exam, let page): .journals(try exportJournals(exam, page))
    case .exportReceipts(let exam, let page): .receipts(try attemptPage(exam, page, receiptRows))
    case .exportDispositions(let exam, let page): .dispositions(try attemptPage(exam, page, dispositionRows))
    case .exportRoots(let page): .roots(try roots(page))
    case .exportAudit(let page): .audit(try auditPage(page))
    case .statistics: .statistics(try statistics())
    case .listOperators:
      .operators(try store.operators().map { OperatorRow(name: $0.name, role: $0.role, isRevoked: $0.isRevoked) })
    default: throw Problem(.internal, "This command is not known to this version of the server.")
    }
  }

  func rows(of page: PageRequest) -> Int { min(max(1, page.limit), OperatorLimits.pageRows) }

  private func listExams(_ page: PageRequest) -> Page<ExamSummary> {
    let all = exams.values.map(\.row).sorted { $0.id < $1.id }.filter { $0.id.hex > page.after ?? "" }
    let shown = all.prefix(rows(of: page)).map(summary)
    return Page(rows: shown, next: all.count > shown.count ? shown.last?.exam.hex : nil)
  }

  /// Pages over an exam's attempts; `make` gives rows and what they cost, in entries.
  func attemptPage<Row>(
    _ exam: ID128, _ page: PageRequest, _ make: (AttemptRow) throws -> (rows: [Row], cost: UInt64)
  ) throws -> Page<Row> {
    _ = try known(exam: exam)
    let limit = rows(of: page)
    let attempts = try store.attempts(exam: exam, after: AttemptKey.decode(page.after), limit: limit)
    var made: [Row] = []
    var cost: UInt64 = 0
    for attempt in attempts {
      let (rows, spent) = try make(attempt)
      made += rows
      cost += spent
      if cost >= OperatorLimits.foldedEntriesPerPage { return Page(rows: made, next: AttemptKey.encode(attempt)) }
    }
    let isLast = attempts.count < limit
    return Page(rows: made, next: isLast ? nil : attempts.last.map(AttemptKey.encode))
  }

  func summary(_ row: AttemptRow) throws -> AttemptSummary {
    let candidate = try store.candidate(row.candidate)
    return AttemptSummary(
      attempt: row.id, candidate: row.candidate, number: row.number, name: candidate?.name ?? "",
      username: candidate?.username ?? "", room: candidate?.room ?? "", lease: row.record.lease,
      leaseDevice: row.record.leaseDevice, sealOrdinal: row.sealOrdinal, isSealed: row.isSealed,
      isVoided: row.record.isVoided)
  }

  private func find(_ text: String, in exam: ID128) throws -> AttemptMemory {
    _ = try known(exam: exam)
    if let candidate = try store.candidate(username: text),
      let row = try store.attempts(candidate: candidate.id).first(where: { $0.exam == exam })
    {
      return try cache.attempt(row.id) ?? load(row)
    }
    guard let row = try store.attempts(exam: exam, after: (text, .zero), limit: 1).first, row.number == text else {
      throw Problem(.notFound, "No candidate of this exam has this number or user name. Look at the list.")
    }
    return try cache.attempt(row.id) ?? load(row)
  }

  private func detail(_ memory: AttemptMemory) throws -> AttemptDetail {
    let exam = try known(exam: memory.row.exam)
    let ledger = memory.state.ledger
    let deadline = deadline(of: memory, exam.row.record)
    return AttemptDetail(
      summary: try summary(memory.row), exam: memory.row.exam, phase: memory.phaseName, startedAt: memory.startedAt,
      deadline: deadline, answered: memory.answeredCount, locks: ledger.locks.sorted(), voids: ledger.voids.sorted(),
      unlocked: ledger.unlocked.sorted(), grantedMilliseconds: memory.grantedMilliseconds,
      journals: memory.journals.map { journal in
        .init(
          journal: journal.row.id, device: journal.row.device, ordinal: journal.row.ordinal,
          lease: memory.row.record.lease, sequence: journal.row.sequence, head: journal.row.head,
          isSuperseded: journal.row.supersededFrom != nil, provedAt: journal.lastProvedAt,
          unprovedContexts: journal.count(.unproved), contradictedContexts: journal.count(.contradicted))
      },
      isOverdue: isOverdue(memory), overdueAt: memory.row.progress.overdueAt,
      startCode: memory.row.progress.startCode?.name, forcedHandInAt: memory.row.forcedAt, trouble: memory.row.trouble)
  }

  private func isOverdue(_ memory: AttemptMemory) -> Bool {
    memory.row.progress.overdueAt != nil && !memory.state.isSealed
  }

  private func differsFromReceipt(_ memory: AttemptMemory) throws -> Bool {
    let ordinal = memory.state.sealOrdinal
    guard memory.state.isSealed, memory.receiptOrdinals.contains(ordinal),
      let row = try store.receipt(attempt: memory.id, ordinal: ordinal),
      let statement = try? ReceiptStatement(wire: Receipt(wire: row.receipt).statement)
    else { return false }
    return statement.applied != Hash.sha256(memory.sheet.canonicalBytes)
  }

  private func boardRow(_ row: AttemptRow) throws -> (rows: [BoardRow], cost: UInt64) {
    let cached = cache.attempt(row.id)
    let memory = try cached ?? load(row)
    let exam = try known(exam: row.exam)
    let candidate = try store.candidate(row.candidate)
    let ledger = memory.state.ledger
    let deadline = deadline(of: memory, exam.row.record)
    let board = BoardRow(
      attempt: row.id, number: row.number, name: candidate?.name ?? "", room: candidate?.room ?? "",
      phase: memory.phaseName, answered: memory.answeredCount, lockCount: UInt32(ledger.count),
      lockedBy: ledger.holding, lockCause: ledger.holding.flatMap { memory.lockCauses[$0]?.rawValue },
      isUnlockSent: ledger.holding.map { memory.unlocksSent[$0] != nil } ?? false,
      hasReceipt: memory.receiptOrdinals.contains(max(1, memory.state.sealOrdinal)),
      differsFromReceipt: try differsFromReceipt(memory),
      isOverdue: isOverdue(memory), overdueAt: memory.row.progress.overdueAt,
      startCode: memory.row.progress.startCode?.name,
      provedAt: memory.journals.compactMap(\.lastProvedAt).max(),
      contradictedContexts: memory.journals.reduce(0) { $0 + $1.count(.contradicted) }, trouble: memory.row.trouble,
      isSealWaiting: memory.waiting != nil,
      isVoided: row.record.isVoided, entries: memory.entries,
      keptEntries: memory.journals.reduce(0) { $0 + $1.row.kept },
      lastContactAt: memory.contactAt == 0 ? nil : memory.contactAt, deadline: deadline)
    return ([board], cached == nil ? memory.entries + 1 : 1)
  }

  private func roots(_ page: PageRequest) throws -> Page<RootRow> {
    let limit = rows(of: page)
    let rows = try store.roots(after: page.after.flatMap(Int64.init) ?? 0, limit: limit)
    return Page(
      rows: rows.map {
        RootRow(
          epoch: Hex.encode($0.epoch.bigEndianBytes), index: $0.index, statement: Hex.encode($0.statement),
          signature: Hex.encode($0.signature))
      }, next: rows.count < limit ? nil : rows.last.map { String($0.id) })
  }

  private func auditPage(_ page: PageRequest) throws -> Page<AuditRow> {
    let limit = rows(of: page)
    let rows = try store.audit(after: page.after.flatMap(UInt64.init) ?? 0, limit: limit)
    return Page(rows: rows, next: rows.count < limit ? nil : rows.last.map { String($0.index) })
  }

  private func statistics() throws -> ServerStatistics {
    ServerStatistics(
      node: node, epoch: Hex.encode(epoch.bigEndianBytes), serverTime: time, exams: UInt64(exams.count),
      candidates: try store.count(.candidates), attempts: try store.count(.attempts),
      sessions: UInt64(openSessions.count), journals: try store.count(.journals),
      entriesSinceStart: counters.entries, pushesSinceStart: counters.pushes, keptSinceStart: counters.kept,
      divergedSinceStart: counters.diverged, commitsSinceStart: counters.commits,
      failedCommitsSinceStart: counters.failedCommits, receipts: try store.count(.receipts),
      clockSteps: counters.clockSteps)
  }
}

/// The place of an attempt in its exam's list, as the text of a page's key.
enum AttemptKey {
  static func encode(_ row: AttemptRow) -> String { "\(row.id.hex)/\(row.number)" }

  static func decode(_ text: String?) -> (number: String, id: ID128)? {
    guard let text, let slash = text.firstIndex(of: "/"), let id = ID128(hex: String(text[..<slash])) else {
      return nil
    }
    return (String(text[text.index(after: slash)...]), id)
  }
}
