public import ExamModel
import SQLite
public import ServerCore
import SyncProtocol

extension SQLiteServerStore {
  public func exams() throws -> [ExamRow] {
    try all("SELECT id, code, record, key_released, announcements, attempts FROM exams") {
      guard let record = ExamRow.record($0.blob(at: 2)) else { throw $0.damaged(2) }
      return ExamRow(
        id: try $0.id(at: 0), code: $0.text(at: 1), record: record, isKeyReleased: $0.bool(at: 3),
        announcements: UInt32(clamping: $0.int64(at: 4)), attempts: $0.uint64(bitPatternAt: 5))
    }
  }

  public func save(exam: ExamRow) throws {
    try run(
      """
      INSERT INTO exams VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET code = excluded.code,
      record = excluded.record, key_released = excluded.key_released, announcements = excluded.announcements,
      attempts = excluded.attempts
      """
    ) {
      try $0.bind(exam.id, at: 1)
      try $0.bind(exam.code, at: 2)
      try $0.bind(exam.recordBytes, at: 3)
      try $0.bind(exam.isKeyReleased, at: 4)
      try $0.bind(Int64(exam.announcements), at: 5)
      try $0.bind(bitPattern: exam.attempts, at: 6)
    }
  }

  public func papers(exam: ID128) throws -> [PaperRow] {
    try all(
      "SELECT version, key, items, parts FROM papers WHERE exam = ? ORDER BY version", { try $0.bind(exam, at: 1) }
    ) {
      PaperRow(
        exam: exam, version: UInt32(clamping: $0.int64(at: 0)), key: $0.blob(at: 1), items: $0.blob(at: 2),
        parts: $0.blob(at: 3))
    }
  }

  public func insert(paper: PaperRow) throws {
    try run("INSERT INTO papers(exam, version, key, items, parts) VALUES(?, ?, ?, ?, ?)") {
      try $0.bind(paper.exam, at: 1)
      try $0.bind(Int64(paper.version), at: 2)
      try $0.bind(paper.key, at: 3)
      try $0.bind(paper.items, at: 4)
      try $0.bind(paper.parts, at: 5)
    }
  }

  private static let candidateColumns = """
    SELECT id, username, number, name, specialty, room, phone_bound, password_salt, password_verifier,
    password_rounds, certificates_from FROM candidates
    """

  private func candidate(_ row: Statement) throws -> CandidateRow {
    var password: PasswordHash?
    if let salt = row.optionalBlob(at: 7), let verifier = row.optionalBlob(at: 8) {
      password = PasswordHash(salt: salt, verifier: verifier, rounds: row.int(at: 9))
    }
    return CandidateRow(
      id: try row.id(at: 0), username: row.text(at: 1), number: row.text(at: 2), name: row.text(at: 3),
      specialty: row.text(at: 4), room: row.text(at: 5), isPhoneBound: row.bool(at: 6), password: password,
      certificatesFrom: row.int64(at: 10))
  }

  public func candidate(_ id: ID128) throws -> CandidateRow? {
    try first(Self.candidateColumns + " WHERE id = ?", { try $0.bind(id, at: 1) }, candidate)
  }

  public func candidate(username: String) throws -> CandidateRow? {
    try first(Self.candidateColumns + " WHERE username = ?", { try $0.bind(username, at: 1) }, candidate)
  }

  public func save(candidate: CandidateRow) throws {
    try run(
      """
      INSERT INTO candidates VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET
      number = excluded.number, name = excluded.name, specialty = excluded.specialty, room = excluded.room,
      phone_bound = excluded.phone_bound, password_salt = excluded.password_salt,
      password_verifier = excluded.password_verifier, password_rounds = excluded.password_rounds,
      certificates_from = excluded.certificates_from
      """
    ) {
      try $0.bind(candidate.id, at: 1)
      try $0.bind(candidate.username, at: 2)
      try $0.bind(candidate.number, at: 3)
      try $0.bind(candidate.name, at: 4)
      try $0.bind(candidate.specialty, at: 5)
      try $0.bind(candidate.room, at: 6)
      try $0.bind(candidate.isPhoneBound, at: 7)
      try $0.bind(candidate.password?.salt, at: 8)
      try $0.bind(candidate.password?.verifier, at: 9)
      try $0.bind(candidate.password?.rounds, at: 10)
      try $0.bind(candidate.certificatesFrom, at: 11)
    }
  }

  public func sessions() throws -> [SessionRow] {
    try all("SELECT id, secret, candidate, device, app_version, opened_at, expires_at FROM sessions") {
      SessionRow(
        id: try $0.id(at: 0), secret: $0.blob(at: 1), candidate: try $0.id(at: 2), device: try $0.id(at: 3),
        appVersion: $0.text(at: 4), openedAt: $0.int64(at: 5), expiresAt: $0.int64(at: 6))
    }
  }

  public func save(session: SessionRow) throws {
    try run("INSERT INTO sessions VALUES(?, ?, ?, ?, ?, ?, ?)") {
      try $0.bind(session.id, at: 1)
      try $0.bind(session.secret, at: 2)
      try $0.bind(session.candidate, at: 3)
      try $0.bind(session.device, at: 4)
      try $0.bind(session.appVersion, at: 5)
      try $0.bind(session.openedAt, at: 6)
      try $0.bind(session.expiresAt, at: 7)
    }
  }

  public func deleteSession(_ id: ID128) throws {
    try run("DELETE FROM sessions WHERE id = ?") { try $0.bind(id, at: 1) }
  }

  public func device(_ id: ID128) throws -> DeviceRow? {
    try first("SELECT candidate, public_key, registered_at FROM devices WHERE id = ?", { try $0.bind(id, at: 1) }) {
      DeviceRow(
        id: id, candidate: try $0.id(at: 0), publicKey: $0.blob(at: 1), registeredAt: $0.int64(at: 2))
    }
  }

  public func save(device: DeviceRow) throws {
    try run("INSERT INTO devices VALUES(?, ?, ?, ?)") {
      try $0.bind(device.id, at: 1)
      try $0.bind(device.candidate, at: 2)
      try $0.bind(device.publicKey, at: 3)
      try $0.bind(device.registeredAt, at: 4)
    }
  }

  public func joinTries(_ candidate: ID128) throws -> JoinTriesRow? {
    try first("SELECT window_start, tries FROM join_tries WHERE candidate = ?", { try $0.bind(candidate, at: 1) }) {
      JoinTriesRow(candidate: candidate, windowStart: $0.int64(at: 0), tries: $0.int(at: 1))
    }
  }

  public func save(joinTries: JoinTriesRow) throws {
    try run(
      """
      INSERT INTO join_tries VALUES(?, ?, ?) ON CONFLICT(candidate) DO UPDATE SET
      window_start = excluded.window_start, tries = excluded.tries
      """
    ) {
      try $0.bind(joinTries.candidate, at: 1)
      try $0.bind(joinTries.windowStart, at: 2)
      try $0.bind(joinTries.tries, at: 3)
    }
  }

  public func operators() throws -> [OperatorStoreRow] {
    try all("SELECT name, role, token_hash, revoked FROM operators ORDER BY name") {
      OperatorStoreRow(
        name: $0.text(at: 0), role: $0.text(at: 1), tokenHash: try $0.digest(at: 2), isRevoked: $0.bool(at: 3))
    }
  }

  public func save(operator row: OperatorStoreRow) throws {
    try run("INSERT INTO operators VALUES(?, ?, ?, ?) ON CONFLICT(name) DO UPDATE SET revoked = excluded.revoked") {
      try $0.bind(row.name, at: 1)
      try $0.bind(row.role, at: 2)
      try $0.bind(row.tokenHash, at: 3)
      try $0.bind(row.isRevoked, at: 4)
    }
  }
}
