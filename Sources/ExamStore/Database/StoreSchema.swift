import SQLite

/// The tables of a device's store. Identifiers and digests are blobs of 16 and 32 bytes.
enum StoreSchema {
  /// `ExSt`
  static let applicationID: Int32 = 0x4578_5374

  static let main = Schema(
    applicationID: applicationID,
    migrations: [
      SchemaMigration(version: 1, name: "first tables", sql: firstTables),
      SchemaMigration(
        version: 2, name: "wrapped secrets",
        sql: "CREATE TABLE secret(name TEXT PRIMARY KEY, wrapped BLOB NOT NULL) STRICT, WITHOUT ROWID;"),
    ])

  private static let firstTables = """
    CREATE TABLE device(
      id INTEGER PRIMARY KEY CHECK (id = 1),
      seed BLOB NOT NULL CHECK (length(seed) = 32),
      server_key BLOB,
      user TEXT NOT NULL,
      session_grant BLOB
    ) STRICT;

    CREATE TABLE setting(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE attempt(
      id BLOB PRIMARY KEY CHECK (length(id) = 16),
      base BLOB,
      base_digest BLOB
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE journal(
      number INTEGER PRIMARY KEY,
      id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
      subject BLOB NOT NULL CHECK (length(subject) = 16),
      device_key BLOB NOT NULL CHECK (length(device_key) = 16),
      predecessor BLOB,
      predecessor_sequence INTEGER,
      predecessor_head BLOB,
      lease INTEGER NOT NULL,
      last INTEGER NOT NULL CHECK (last >= 0),
      head BLOB NOT NULL CHECK (length(head) = 32),
      fork INTEGER CHECK (fork BETWEEN 0 AND last),
      acknowledged INTEGER NOT NULL,
      acknowledged_head BLOB,
      acknowledged_state INTEGER NOT NULL,
      greatest INTEGER NOT NULL,
      greatest_head BLOB,
      opened_wall_ms INTEGER NOT NULL,
      boot BLOB,
      boot_ms INTEGER,
      wall_ms INTEGER,
      remaining_ms INTEGER,
      mac BLOB NOT NULL CHECK (length(mac) = 16)
    ) STRICT;

    CREATE TABLE entry(
      journal INTEGER NOT NULL REFERENCES journal(number),
      sequence INTEGER NOT NULL,
      body BLOB NOT NULL,
      head BLOB NOT NULL,
      PRIMARY KEY (journal, sequence)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE answer(
      attempt BLOB NOT NULL,
      item TEXT NOT NULL,
      value BLOB,
      flag INTEGER NOT NULL,
      journal INTEGER NOT NULL,
      sequence INTEGER NOT NULL,
      PRIMARY KEY (attempt, item)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE lock_try(
      attempt BLOB NOT NULL,
      number INTEGER NOT NULL,
      tries INTEGER NOT NULL,
      PRIMARY KEY (attempt, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE void(
      attempt BLOB NOT NULL,
      number INTEGER NOT NULL,
      PRIMARY KEY (attempt, number)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE receipt(
      attempt BLOB NOT NULL,
      ordinal INTEGER NOT NULL,
      body BLOB NOT NULL,
      PRIMARY KEY (attempt, ordinal)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE scope(
      id BLOB PRIMARY KEY CHECK (length(id) = 16),
      epoch INTEGER NOT NULL,
      version INTEGER NOT NULL,
      count INTEGER NOT NULL,
      digest BLOB NOT NULL CHECK (length(digest) = 32),
      staged INTEGER NOT NULL,
      staged_reset INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE record(
      scope BLOB NOT NULL,
      collection TEXT NOT NULL,
      key TEXT NOT NULL,
      version INTEGER NOT NULL,
      body BLOB NOT NULL,
      PRIMARY KEY (scope, collection, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE staged_record(
      scope BLOB NOT NULL,
      collection TEXT NOT NULL,
      key TEXT NOT NULL,
      version INTEGER NOT NULL,
      body BLOB NOT NULL,
      deleted INTEGER NOT NULL,
      PRIMARY KEY (scope, collection, key)
    ) STRICT, WITHOUT ROWID;
    """

  /// Blobs have a file of their own: a paper's megabytes must not slow a save's checkpoint, nor be copied when a
  /// damaged journal is salvaged.
  static let blobs = Schema(
    applicationID: 0x4578_426C,
    migrations: [
      SchemaMigration(
        version: 1, name: "blobs",
        sql: """
          CREATE TABLE blob(
            number INTEGER PRIMARY KEY,
            digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
            length INTEGER NOT NULL,
            held INTEGER NOT NULL,
            verified INTEGER NOT NULL
          ) STRICT;

          CREATE TABLE chunk(
            blob INTEGER NOT NULL REFERENCES blob(number) ON DELETE CASCADE,
            start INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            PRIMARY KEY (blob, start)
          ) STRICT, WITHOUT ROWID;
          """)
    ])
}
