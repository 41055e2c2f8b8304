import ExamModel
import SyncProtocol
import SyncWire

/// Roster and operator tokens.
extension ServerCore {
  func importRoster(_ rows: [PreparedRosterRow], into id: ID128, by actor: String) throws -> RosterOutcome {
    var entry = try known(exam: id)
    guard !entry.row.record.isCancelled else { throw Problem(.conflict, "The exam is cancelled.") }
    guard rows.count <= OperatorLimits.rosterRows else {
      throw Problem(.tooLarge, "At most \(OperatorLimits.rosterRows) rows are taken at once. Send them in parts.")
    }
    try check(rows)
    var outcome = RosterOutcome(rows: [])
    for row in rows {
      let candidate = try saveCandidate(row)
      let existing = try store.attempts(candidate: candidate).first { $0.exam == id }
      let attempt = try existing?.id ?? makeAttempt(row, candidate: candidate, exam: id)
      if existing == nil { entry.row.attempts += 1 }
      outcome.rows.append(
        .init(
          number: row.number, username: row.username, candidate: candidate, attempt: attempt, isNew: existing == nil))
    }
    try save(entry)
    try audit("roster-import", by: actor, of: id.hex, "\(rows.count) rows")
    return outcome
  }

  private func check(_ rows: [PreparedRosterRow]) throws {
    var names: Set<String> = []
    for row in rows {
      for (text, name) in [
        (row.number, "number"), (row.name, "name"), (row.specialty, "specialty"), (row.room, "room"),
      ] { try checkText(text, name, maximumBytes: 400) }
      guard (1...Limits.usernameBytes).contains(row.username.utf8.count), !row.username.utf8.contains(0) else {
        throw Problem(.invalidValue, "User names have 1 to \(Limits.usernameBytes) bytes: see number \(row.number).")
      }
      guard names.insert(row.username).inserted else {
        throw Problem(.invalidValue, "The user name \(row.username) stands twice in these rows.")
      }
      guard try store.attempt(row.secrets.attempt) == nil else {
        throw Problem(.conflict, "These rows were imported already with other ids. Prepare them anew.")
      }
    }
  }

  private func saveCandidate(_ row: PreparedRosterRow) throws -> ID128 {
    let known = try store.candidate(username: row.username)
    let candidate = CandidateRow(
      id: known?.id ?? ID128.random(using: &generator), username: row.username, number: row.number, name: row.name,
      specialty: row.specialty, room: row.room, isPhoneBound: row.isPhoneBound,
      password: row.password ?? known?.password, certificatesFrom: known?.certificatesFrom ?? 0)
    if candidate != known { try store.save(candidate: candidate) }
    let profile = ProfileRecord(
      name: row.name, number: row.number, specialty: row.specialty, room: row.room, isPhoneBound: row.isPhoneBound)
    try put(profile.wire, scope: candidate.id, ScopeCollection.profile, "self")
    return candidate.id
  }

  private func makeAttempt(_ row: PreparedRosterRow, candidate: ID128, exam: ID128) throws -> ID128 {
    let secrets = row.secrets
    let record = AttemptRecord(
      attempt: secrets.attempt, exam: exam, lease: 1, leaseID: secrets.leaseID, orderSeed: secrets.orderSeed,
      codeSalt: secrets.codeSalt, codeVerifier: secrets.codeVerifier, unlockSalt: secrets.unlockSalt,
      unlockVerifiers: secrets.unlockVerifiers, scryptRounds: secrets.scryptRounds, specialty: row.specialty)
    let attempt = AttemptRow(
      id: secrets.attempt, exam: exam, candidate: candidate, number: row.number, record: record, sealOrdinal: 0,
      isSealed: false)
    try store.save(attempt: attempt)
    try put(record.wire, scope: candidate, ScopeCollection.attempt, secrets.attempt.hex)
    work.touchedGlobals = true
    candidateExams[candidate] = nil
    return secrets.attempt
  }

  /// The exams that a candidate has an attempt in.
  func examsOf(_ candidate: ID128) throws -> Set<ID128> {
    if let known = candidateExams[candidate] { return known }
    let found = Set(try store.attempts(candidate: candidate).map(\.exam))
    if candidateExams.count >= Self.candidatesRemembered { candidateExams.removeAll() }
    candidateExams[candidate] = found
    return found
  }

  static let candidatesRemembered = 50_000

  func addOperator(name: String, role: String, tokenHash: Digest256, by actor: String) throws {
    guard (1...OperatorLimits.tokenNameBytes).contains(name.utf8.count) else {
      throw Problem(.invalidValue, "An operator's name has 1 to \(OperatorLimits.tokenNameBytes) bytes.")
    }
    guard OperatorIdentity.Role(rawValue: role) != nil else {
      throw Problem(.invalidValue, "The roles are operator and proctor.")
    }
    guard try store.operators().allSatisfy({ $0.name != name && $0.tokenHash != tokenHash }) else {
      throw Problem(.conflict, "There is an operator of this name already. Choose another name.")
    }
    try store.save(operator: OperatorStoreRow(name: name, role: role, tokenHash: tokenHash, isRevoked: false))
    work.operatorsChanged = true
    try audit("operator-add", by: actor, of: name, role)
  }

  func revokeOperator(name: String, by actor: String) throws {
    guard var row = try store.operators().first(where: { $0.name == name }) else {
      throw Problem(.notFound, "There is no operator of this name. List them to see the names.")
    }
    row.isRevoked = true
    try store.save(operator: row)
    work.operatorsChanged = true
    try audit("operator-revoke", by: actor, of: name, row.role)
  }
}
