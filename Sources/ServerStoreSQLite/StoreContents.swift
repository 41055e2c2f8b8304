package import ExamModel
import SQLite
package import ServerCore

/// Whole tables, for those who check a store from outside.
extension SQLiteServerStore {
  /// The ids of all attempts, by exam and number.
  package func allAttempts() throws -> [ID128] {
    try all("SELECT id FROM attempts ORDER BY exam, number, id") { try $0.id(at: 0) }
  }

  /// The ids of all scopes that have a row.
  package func allScopes() throws -> [ID128] {
    try all("SELECT id FROM scopes ORDER BY id") { try $0.id(at: 0) }
  }

  /// The segments of a journal, by its number, in the order of arrival.
  package func allSegments(journal: Int64) throws -> [SegmentRow] {
    try all("SELECT id FROM segments WHERE journal = ? ORDER BY id", { try $0.bind(journal, at: 1) }) {
      $0.int64(at: 0)
    }.compactMap(segment)
  }

  /// The seals of an attempt, by ordinal.
  package func allSeals(attempt: ID128) throws -> [SealRow] {
    try all("SELECT ordinal FROM seals WHERE attempt = ? ORDER BY ordinal", { try $0.bind(attempt, at: 1) }) {
      UInt32(clamping: $0.int64(at: 0))
    }.compactMap { try seal(attempt: attempt, ordinal: $0) }
  }

  /// The registered devices.
  package func allDevices() throws -> [DeviceRow] {
    try all("SELECT id FROM devices ORDER BY id") { try $0.id(at: 0) }.compactMap(device)
  }
}
