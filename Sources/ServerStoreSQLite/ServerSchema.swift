import SQLite

/// The server's file. A published migration never changes; a new one is added.
enum ServerSchema {
  /// "ExSv" in ASCII.
  static let applicationID: Int32 = 0x4578_5376

  static let schema = Schema(
    applicationID: applicationID,
    migrations: [
      SchemaMigration(version: 1, name: "first", sql: scopes + people + journals + receipts),
      SchemaMigration(version: 2, name: "deadlines, extensions, time proofs", sql: rules),
    ])

  private static let scopes = """
    CREATE TABLE store_values(name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE epochs(ordinal INTEGER PRIMARY KEY, epoch INTEGER NOT NULL UNIQUE, opened_at INTEGER NOT NULL) STRICT;
    CREATE TABLE scopes(id BLOB PRIMARY KEY, version INTEGER NOT NULL, count INTEGER NOT NULL, digest BLOB NOT NULL,
      horizon INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE scope_epochs(scope BLOB NOT NULL, epoch_ordinal INTEGER NOT NULL, first_version INTEGER NOT NULL,
      PRIMARY KEY(scope, epoch_ordinal)) STRICT, WITHOUT ROWID;
    CREATE TABLE records(scope BLOB NOT NULL, collection TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL,
      deleted INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
    CREATE UNIQUE INDEX records_by_key ON records(scope, collection, key);
    CREATE UNIQUE INDEX records_by_version ON records(scope, version);
    """

  private static let people = """
    CREATE TABLE exams(id BLOB PRIMARY KEY, code TEXT NOT NULL, record BLOB NOT NULL, key_released INTEGER NOT NULL,
      announcements INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE papers(exam BLOB NOT NULL, version INTEGER NOT NULL, key BLOB NOT NULL, items BLOB NOT NULL,
      parts BLOB NOT NULL, PRIMARY KEY(exam, version)) STRICT;
    CREATE TABLE candidates(id BLOB PRIMARY KEY, username TEXT NOT NULL UNIQUE, number TEXT NOT NULL,
      name TEXT NOT NULL, specialty TEXT NOT NULL, room TEXT NOT NULL, phone_bound INTEGER NOT NULL,
      password_salt BLOB, password_verifier BLOB, password_rounds INTEGER, certificates_from INTEGER NOT NULL)
      STRICT, WITHOUT ROWID;
    CREATE TABLE sessions(id BLOB PRIMARY KEY, secret BLOB NOT NULL, candidate BLOB NOT NULL, device BLOB NOT NULL,
      app_version TEXT NOT NULL, opened_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE devices(id BLOB PRIMARY KEY, candidate BLOB NOT NULL, public_key BLOB NOT NULL,
      registered_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE join_tries(candidate BLOB PRIMARY KEY, window_start INTEGER NOT NULL, tries INTEGER NOT NULL)
      STRICT, WITHOUT ROWID;
    CREATE TABLE operators(name TEXT PRIMARY KEY, role TEXT NOT NULL, token_hash BLOB NOT NULL UNIQUE,
      revoked INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE attempts(id BLOB PRIMARY KEY, exam BLOB NOT NULL, candidate BLOB NOT NULL, number TEXT NOT NULL,
      record BLOB NOT NULL, seal_ordinal INTEGER NOT NULL, sealed INTEGER NOT NULL, forced_at INTEGER, trouble TEXT,
      applied BLOB) STRICT;
    CREATE UNIQUE INDEX attempts_by_exam ON attempts(exam, number, id);
    CREATE UNIQUE INDEX attempts_by_candidate ON attempts(candidate, exam);
    """

  private static let journals = """
    CREATE TABLE journals(number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, attempt BLOB NOT NULL,
      device BLOB NOT NULL, ordinal INTEGER NOT NULL, sequence INTEGER NOT NULL, head BLOB NOT NULL,
      last_segment INTEGER NOT NULL, superseded INTEGER NOT NULL, kept INTEGER NOT NULL, contact_at INTEGER NOT NULL)
      STRICT;
    CREATE UNIQUE INDEX journals_by_attempt ON journals(attempt, ordinal);
    CREATE TABLE segments(id INTEGER PRIMARY KEY, previous INTEGER NOT NULL, journal INTEGER NOT NULL,
      first INTEGER NOT NULL, count INTEGER NOT NULL, lease INTEGER NOT NULL, received_at INTEGER NOT NULL,
      head_before BLOB NOT NULL, head_after BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE dispositions(journal INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
      reason INTEGER NOT NULL, PRIMARY KEY(journal, first)) STRICT, WITHOUT ROWID;
    CREATE TABLE forks(id INTEGER PRIMARY KEY, journal INTEGER NOT NULL, first INTEGER NOT NULL,
      count INTEGER NOT NULL, head BLOB NOT NULL, received_at INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
    CREATE INDEX forks_by_journal ON forks(journal);
    """

  private static let receipts = """
    CREATE TABLE seals(attempt BLOB NOT NULL, ordinal INTEGER NOT NULL, journal BLOB NOT NULL,
      sequence INTEGER NOT NULL, device BLOB NOT NULL, head_before BLOB NOT NULL, head_after BLOB NOT NULL,
      statement BLOB NOT NULL, signature BLOB NOT NULL, PRIMARY KEY(attempt, ordinal)) STRICT;
    CREATE TABLE receipts(attempt BLOB NOT NULL, ordinal INTEGER NOT NULL, number TEXT NOT NULL,
      server_time INTEGER NOT NULL, receipt BLOB NOT NULL, PRIMARY KEY(attempt, ordinal)) STRICT;
    CREATE TABLE roots(id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, position INTEGER NOT NULL,
      statement BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
    CREATE TABLE audit(position INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
      subject TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
    """

  private static let rules = """
    ALTER TABLE attempts ADD COLUMN started_at INTEGER;
    ALTER TABLE attempts ADD COLUMN start_code INTEGER;
    ALTER TABLE attempts ADD COLUMN overdue_at INTEGER;
    CREATE INDEX attempts_running ON attempts(id)
      WHERE sealed = 0 AND overdue_at IS NULL AND started_at IS NOT NULL;
    ALTER TABLE journals ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE extensions(id INTEGER PRIMARY KEY, exam BLOB NOT NULL, milliseconds INTEGER NOT NULL,
      reason TEXT NOT NULL, actor TEXT NOT NULL, after_number TEXT NOT NULL, after_id BLOB NOT NULL,
      done INTEGER NOT NULL) STRICT;
    CREATE TABLE time_proofs(journal INTEGER NOT NULL, sequence INTEGER NOT NULL, milliseconds INTEGER NOT NULL,
      finding INTEGER NOT NULL, PRIMARY KEY(journal, sequence)) STRICT, WITHOUT ROWID;
    """
}
