import Crypto
import ExamModel
import SQLite
import SyncProtocol

/// Sealed blobs as far as they have arrived, in a database of their own beside the store.
///
/// A database and not a folder of files: it goes through the same VFS, so a simulated power cut reaches it too; a part
/// of a blob and the length of what is there cannot disagree; and names from the network never become paths. Losing
/// the last chunks in a power cut costs a download, so it runs without a sync for each commit; a blob that was verified
/// is made durable.
final class BlobTable {
  let connection: Connection

  init(_ setup: StoreSetup) throws(SQLiteError) {
    var options = ConnectionOptions.durable
    options.vfsName = setup.vfs
    options.synchronous = .normal
    options.cacheSizeKiB = 2048
    connection = try Connection(path: setup.blobPath, options: options)
    try connection.migrate(to: StoreSchema.blobs)
  }

  /// What was committed survives a power cut from the return on: a checkpoint syncs the log before it copies, and the
  /// file after it (sqlite.org/pragma.html#pragma_synchronous).
  func makeDurable() throws(SQLiteError) {
    try connection.checkpoint(.passive)
  }

  struct Row {
    var number: Int64
    var length: Int
    var held: Int
    var isVerified: Bool
  }

  func close() {
    // What a failed close leaves behind is in the WAL.
    try? connection.close()
  }

  func row(_ digest: Digest256) throws(ExamStoreError) -> Row? {
    var found: Row?
    try connection.forEachRow(
      "SELECT number, length, held, verified FROM blob WHERE digest = ?1",
      binding: { (statement) throws(SQLiteError) in try statement.bind(digest, at: 1) },
      { (row) throws(ExamStoreError) in
        found = Row(number: row.int64(at: 0), length: row.int(at: 1), held: row.int(at: 2), isVerified: row.bool(at: 3))
      })
    return found
  }

  func insert(_ digest: Digest256, length: Int) throws(SQLiteError) {
    try connection.run("INSERT INTO blob(digest, length, held, verified) VALUES (?1, ?2, 0, 0)") {
      (statement) throws(SQLiteError) in
      try statement.bind(digest, at: 1)
      try statement.bind(length, at: 2)
    }
  }

  func append(_ bytes: ArraySlice<UInt8>, to row: Row) throws(SQLiteError) {
    try connection.run("INSERT INTO chunk(blob, start, bytes) VALUES (?1, ?2, ?3)") {
      (statement) throws(SQLiteError) in
      try statement.bind(row.number, at: 1)
      try statement.bind(row.held, at: 2)
      try statement.bind(bytes, at: 3)
    }
    try connection.run("UPDATE blob SET held = ?2 WHERE number = ?1") { (statement) throws(SQLiteError) in
      try statement.bind(row.number, at: 1)
      try statement.bind(row.held + bytes.count, at: 2)
    }
  }

  func setVerified(_ row: Row) throws(SQLiteError) {
    try connection.run("UPDATE blob SET verified = 1 WHERE number = ?1") { (statement) throws(SQLiteError) in
      try statement.bind(row.number, at: 1)
    }
  }

  func delete(_ digest: Digest256) throws(SQLiteError) {
    try connection.run("DELETE FROM blob WHERE digest = ?1") { (statement) throws(SQLiteError) in
      try statement.bind(digest, at: 1)
    }
  }

  /// SHA-256 over the chunks, which must follow each other without a gap.
  func digest(of row: Row) throws(ExamStoreError) -> Digest256? {
    var hasher = SHA256()
    var end = 0
    var isContiguous = true
    try chunks(of: row, overlapping: 0..<row.length) { (start, bytes) throws(ExamStoreError) in
      isContiguous = isContiguous && start == end
      end = start + bytes.count
      hasher.update(bufferPointer: bytes)
    }
    guard isContiguous, end == row.length else { return nil }
    return hasher.finalize().withUnsafeBytes { Digest256($0) }
  }

  func bytes(_ range: Range<Int>, of row: Row) throws(ExamStoreError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(range.count)
    try chunks(of: row, overlapping: range) { (start, bytes) throws(ExamStoreError) in
      let part = range.clamped(to: start..<start + bytes.count)
      result += bytes[(part.lowerBound - start)..<(part.upperBound - start)]
    }
    return result
  }

  private func chunks(
    of row: Row, overlapping range: Range<Int>,
    _ body: (Int, UnsafeRawBufferPointer) throws(ExamStoreError) -> Void
  ) throws(ExamStoreError) {
    // A chunk is at most as long as one request's range, so none that begins earlier can reach into `range`.
    try connection.forEachRow(
      "SELECT start, bytes FROM chunk WHERE blob = ?1 AND start > ?2 AND start < ?3 ORDER BY start",
      binding: { (statement) throws(SQLiteError) in
        try statement.bind(row.number, at: 1)
        try statement.bind(range.lowerBound - Limits.blobRangeBytes, at: 2)
        try statement.bind(range.upperBound, at: 3)
      },
      { (found) throws(ExamStoreError) in
        let start = found.int(at: 0)
        try found.withBlob(at: 1) { (bytes) throws(ExamStoreError) in try body(start, bytes) }
      })
  }
}
