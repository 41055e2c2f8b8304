import ExamModel
import SyncProtocol

extension OperatorCommand {
  /// The name in audit records.
  package var name: String {
    switch self {
    case .createExam: "exam-create"
    case .listExams: "exam-list"
    case .showExam: "exam-show"
    case .postponeExam: "exam-postpone"
    case .cancelExam: "exam-cancel"
    case .importRoster: "roster-import"
    case .announce: "announce"
    case .publishingState: "paper-state"
    case .publishPaper: "paper-publish"
    case .listAttempts: "attempt-list"
    case .showAttempt: "attempt-show"
    case .findAttempt: "attempt-find"
    case .releaseLease: "attempt-release"
    case .reopen: "attempt-reopen"
    case .voidLock: "lock-void"
    case .voidAttempt: "attempt-void"
    case .unlock: "unlock"
    case .unlockCode: "unlock-code"
    case .extendAttempt: "attempt-extend"
    case .extendExam: "exam-extend"
    case .forceHandIn: "attempt-hand-in"
    case .board: "board"
    case .exportAnswers: "export-answers"
    case .exportJournals: "export-journals"
    case .exportReceipts: "export-receipts"
    case .exportDispositions: "export-dispositions"
    case .exportRoots: "export-roots"
    case .exportAudit: "export-audit"
    case .statistics: "statistics"
    case .addOperator: "operator-add"
    case .revokeOperator: "operator-revoke"
    case .listOperators: "operator-list"
    case .revokeSessions: "sessions-revoke"
    }
  }

  /// What a proctor may do in the room; everything else is the operator's.
  var isForProctors: Bool {
    switch self {
    case .listExams, .showExam, .listAttempts, .showAttempt, .findAttempt, .board, .unlock, .unlockCode, .voidLock,
      .extendAttempt, .releaseLease:
      true
    default: false
    }
  }

  var isReadOnly: Bool {
    switch self {
    case .listExams, .showExam, .publishingState, .listAttempts, .showAttempt, .findAttempt, .board, .exportAnswers,
      .exportJournals, .exportReceipts, .exportDispositions, .exportRoots, .exportAudit, .statistics, .listOperators:
      true
    default: false
    }
  }
}

extension ServerCore {
  func execute(_ command: OperatorCommand, by identity: OperatorIdentity) throws -> OperatorResult {
    guard identity.role == .operator || command.isForProctors else {
      throw Problem(.forbidden, "Only an operator may do this. Ask one.")
    }
    if command.isReadOnly { return try read(command) }
    let actor = "\(identity.role.rawValue) \(identity.name)"
    switch command {
    case .createExam(let draft): return .exam(try createExam(draft, by: actor))
    case .postponeExam(let exam, let opensAt, let closesAt):
      return .exam(try postpone(exam, opensAt: opensAt, closesAt: closesAt, by: actor))
    case .cancelExam(let exam, let reason): return .exam(try cancel(exam, reason: reason, by: actor))
    case .importRoster(let exam, let rows): return .roster(try importRoster(rows, into: exam, by: actor))
    case .announce(let exam, let text): try announce(text, in: exam, by: actor)
    case .publishPaper(let exam, let paper): return .exam(try publish(paper, in: exam, by: actor))
    case .extendExam(let exam, let milliseconds, let reason):
      return .grants(try extend(exam: exam, by: milliseconds, reason: reason, actor: actor))
    case .addOperator(let name, let role, let tokenHash):
      try addOperator(name: name, role: role, tokenHash: tokenHash, by: actor)
    case .revokeOperator(let name): try revokeOperator(name: name, by: actor)
    case .revokeSessions(let candidate, let reason):
      try revokeSessions(of: candidate)
      try audit("sessions-revoke", by: actor, of: candidate.hex, reason)
    default: return try executeOnAttempt(command, by: actor)
    }
    return .done
  }

  private func executeOnAttempt(_ command: OperatorCommand, by actor: String) throws -> OperatorResult {
    switch command {
    case .releaseLease(let attempt, let reason): try releaseLease(known(attempt), reason, by: actor)
    case .reopen(let attempt, let reason): try reopen(known(attempt), reason, by: actor)
    case .voidLock(let attempt, let number, let reason): try voidLock(number, of: known(attempt), reason, by: actor)
    case .voidAttempt(let attempt, let reason): try voidAttempt(known(attempt), reason, by: actor)
    case .unlock(let attempt, let number):
      try unlock(number, of: known(attempt), by: actor)
      return .unlocked(UnlockSummary(attempt: attempt, number: number))
    case .unlockCode(let attempt, let number):
      return .unlockCode(try unlockCode(number, of: known(attempt), by: actor))
    case .extendAttempt(let attempt, let milliseconds, let reason):
      try checkExtension(milliseconds)
      try grant(milliseconds, to: known(attempt), reason, by: actor)
      return .grants(GrantOutcome(attempts: 1, milliseconds: milliseconds))
    case .forceHandIn(let attempt, let reason): try forceHandIn(known(attempt), reason, by: actor)
    default: throw Problem(.internal, "This command is not known to this version of the server.")
    }
    return .done
  }

  func known(_ attempt: ID128) throws -> AttemptMemory {
    guard let memory = try attemptMemory(attempt) else {
      throw Problem(.notFound, "No attempt has this id. Look it up in the list of attempts.")
    }
    return memory
  }

  func known(exam: ID128) throws -> ExamEntry {
    guard let entry = exams[exam] else {
      throw Problem(.notFound, "No exam has this id. Look it up in the list of exams.")
    }
    return entry
  }

  func checkText(_ text: String, _ name: String, maximumBytes: Int = OperatorLimits.textBytes) throws {
    guard text.utf8.count <= maximumBytes, !text.utf8.contains(0) else {
      throw Problem(.invalidValue, "The \(name) has at most \(maximumBytes) bytes and no null characters. Shorten it.")
    }
  }
}
