public import ExamModel
import SQLite
public import ServerCore
import SyncProtocol

extension SQLiteServerStore {
  public func save(seal: SealRow) throws {
    try run(
      """
      INSERT INTO seals(attempt, ordinal, journal, sequence, device, head_before, head_after, statement, signature)
      VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)
      """
    ) {
      try $0.bind(seal.attempt, at: 1)
      try $0.bind(Int64(seal.ordinal), at: 2)
      try $0.bind(seal.journal, at: 3)
      try $0.bind(bitPattern: seal.sequence, at: 4)
      try $0.bind(seal.device, at: 5)
      try $0.bind(seal.headBefore, at: 6)
      try $0.bind(seal.headAfter, at: 7)
      try $0.bind(seal.statement, at: 8)
      try $0.bind(seal.signature, at: 9)
    }
  }

  public func seal(attempt: ID128, ordinal: UInt32) throws -> SealRow? {
    try first(
      """
      SELECT journal, sequence, device, head_before, head_after, statement, signature FROM seals
      WHERE attempt = ? AND ordinal = ?
      """,
      {
        try $0.bind(attempt, at: 1)
        try $0.bind(Int64(ordinal), at: 2)
      }
    ) {
      SealRow(
        attempt: attempt, ordinal: ordinal, journal: try $0.id(at: 0), sequence: $0.uint64(bitPatternAt: 1),
        device: try $0.id(at: 2), headBefore: try $0.digest(at: 3), headAfter: try $0.digest(at: 4),
        statement: $0.blob(at: 5), signature: $0.blob(at: 6))
    }
  }

  public func receipt(attempt: ID128, ordinal: UInt32) throws -> ReceiptStoreRow? {
    try receipts(attempt: attempt).first { $0.ordinal == ordinal }
  }

  public func receipts(attempt: ID128) throws -> [ReceiptStoreRow] {
    try all(
      "SELECT ordinal, number, server_time, receipt FROM receipts WHERE attempt = ? ORDER BY ordinal",
      { try $0.bind(attempt, at: 1) }
    ) {
      ReceiptStoreRow(
        attempt: attempt, ordinal: UInt32(clamping: $0.int64(at: 0)), number: $0.text(at: 1),
        serverTime: $0.int64(at: 2), receipt: $0.blob(at: 3))
    }
  }

  public func save(receipt: ReceiptStoreRow) throws {
    try run(
      """
      INSERT INTO receipts(attempt, ordinal, number, server_time, receipt) VALUES(?, ?, ?, ?, ?)
      ON CONFLICT(attempt, ordinal) DO UPDATE SET number = excluded.number, server_time = excluded.server_time,
      receipt = excluded.receipt
      """
    ) {
      try $0.bind(receipt.attempt, at: 1)
      try $0.bind(Int64(receipt.ordinal), at: 2)
      try $0.bind(receipt.number, at: 3)
      try $0.bind(receipt.serverTime, at: 4)
      try $0.bind(receipt.receipt, at: 5)
    }
  }

  private static let rootColumns = "SELECT id, epoch, position, statement, signature FROM roots"

  private func root(_ row: Statement) -> RootStoreRow {
    RootStoreRow(
      id: row.int64(at: 0), epoch: row.uint64(bitPatternAt: 1), index: row.uint64(bitPatternAt: 2),
      statement: row.blob(at: 3), signature: row.blob(at: 4))
  }

  public func lastRoot() throws -> RootStoreRow? {
    try first(Self.rootColumns + " ORDER BY id DESC LIMIT 1", { _ in }, root)
  }

  public func insert(root: RootStoreRow) throws {
    try run("INSERT INTO roots VALUES(?, ?, ?, ?, ?)") {
      try $0.bind(root.id, at: 1)
      try $0.bind(bitPattern: root.epoch, at: 2)
      try $0.bind(bitPattern: root.index, at: 3)
      try $0.bind(root.statement, at: 4)
      try $0.bind(root.signature, at: 5)
    }
  }

  public func roots(after id: Int64, limit: Int) throws -> [RootStoreRow] {
    try all(
      Self.rootColumns + " WHERE id > ? ORDER BY id LIMIT ?",
      {
        try $0.bind(id, at: 1)
        try $0.bind(limit, at: 2)
      }, root)
  }

  private static let auditColumns = "SELECT position, at, actor, action, subject, detail, hash FROM audit"

  private func audit(_ row: Statement) throws -> AuditRow {
    AuditRow(
      index: row.uint64(bitPatternAt: 0), at: row.int64(at: 1), actor: row.text(at: 2), action: row.text(at: 3),
      subject: row.text(at: 4), detail: row.text(at: 5), hash: try row.digest(at: 6))
  }

  public func lastAudit() throws -> AuditRow? {
    try first(Self.auditColumns + " ORDER BY position DESC LIMIT 1", { _ in }, audit)
  }

  public func insert(audit: AuditRow) throws {
    try run("INSERT INTO audit VALUES(?, ?, ?, ?, ?, ?, ?)") {
      try $0.bind(bitPattern: audit.index, at: 1)
      try $0.bind(audit.at, at: 2)
      try $0.bind(audit.actor, at: 3)
      try $0.bind(audit.action, at: 4)
      try $0.bind(audit.subject, at: 5)
      try $0.bind(audit.detail, at: 6)
      try $0.bind(audit.hash, at: 7)
    }
  }

  public func audit(after index: UInt64, limit: Int) throws -> [AuditRow] {
    try all(
      Self.auditColumns + " WHERE position > ? ORDER BY position LIMIT ?",
      {
        try $0.bind(Int64(clamping: index), at: 1)
        try $0.bind(limit, at: 2)
      }, audit)
  }

  public func count(_ table: StoreTable) throws -> UInt64 {
    try first("SELECT count(*) FROM \(table.rawValue)") { $0.uint64(bitPatternAt: 0) } ?? 0
  }
}
