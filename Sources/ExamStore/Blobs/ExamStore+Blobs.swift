public import ExamModel
import SQLite
public import SyncProtocol

/// How far a blob has arrived.
public struct BlobProgress: Hashable, Sendable {
  public var length: UInt64
  /// Bytes from the start that are here: the next request's range begins there.
  public var held: UInt64
  /// All bytes are here and have the digest.
  public var isVerified: Bool
}

/// Blobs are content-addressed and come again from any cache, so no failure here stops a save: a blob file that is
/// damaged is set aside, and everything in it is fetched anew.
extension ExamStore {
  /// How far a blob has arrived; nothing held for one that was never asked for.
  public func blobProgress(_ reference: BlobReference) throws(ExamStoreError) -> BlobProgress {
    try withBlobs { (table) throws(ExamStoreError) in
      guard let row = try table.row(reference.digest), row.length == Int(reference.length) else {
        return BlobProgress(length: reference.length, held: 0, isVerified: false)
      }
      return BlobProgress(length: reference.length, held: UInt64(row.held), isVerified: row.isVerified)
    }
  }

  /// Adds bytes that begin at `offset`. Bytes that are here already are skipped; a gap is `.blobInvalid`.
  ///
  /// - Parameter bytes: at most `Limits.blobRangeBytes`.
  public func append(
    _ bytes: [UInt8], at offset: UInt64, to reference: BlobReference
  ) throws(ExamStoreError) -> BlobProgress {
    guard reference.length <= UInt64(Limits.blobBytes), offset <= reference.length,
      UInt64(bytes.count) <= reference.length - offset, bytes.count <= Limits.blobRangeBytes
    else {
      throw ExamStoreError(
        .blobInvalid, "These bytes lie outside blob \(reference.digest), or are more than one range. Fetch it again.")
    }
    return try withBlobs { (table) throws(ExamStoreError) in
      var row = try table.row(reference.digest)
      if let found = row, found.length != Int(reference.length) {
        try Self.blobTransaction(table) { () throws(SQLiteError) in try table.delete(reference.digest) }
        row = nil
      }
      if row == nil {
        try Self.blobTransaction(table) { () throws(SQLiteError) in
          try table.insert(reference.digest, length: Int(reference.length))
        }
        row = try table.row(reference.digest)
      }
      guard var current = row else { throw .damaged("a blob's row is not there") }
      guard Int(offset) <= current.held else {
        throw ExamStoreError(
          .blobInvalid, "Blob \(reference.digest) is here up to \(current.held), not up to \(offset). Ask from there.")
      }
      let fresh = bytes.dropFirst(current.held - Int(offset))
      if !fresh.isEmpty {
        let before = current
        try Self.blobTransaction(table) { () throws(SQLiteError) in try table.append(fresh, to: before) }
        current.held += fresh.count
      }
      return BlobProgress(
        length: reference.length, held: UInt64(current.held), isVerified: current.isVerified)
    }
  }

  /// Compares the digest of all bytes with the blob's address. A blob that does not fit is deleted, to be fetched anew.
  ///
  /// - Parameter again: reads the bytes even if they were verified before (S3-28).
  /// - Returns: `false` while bytes are missing, and after they were found wrong.
  public func verify(_ reference: BlobReference, again: Bool = false) throws(ExamStoreError) -> Bool {
    try withBlobs { (table) throws(ExamStoreError) in
      guard let row = try table.row(reference.digest), row.held == row.length, row.length == Int(reference.length)
      else { return false }
      if row.isVerified, !again { return true }
      guard try table.digest(of: row) == reference.digest else {
        try Self.blobTransaction(table) { () throws(SQLiteError) in try table.delete(reference.digest) }
        return false
      }
      if !row.isVerified {
        try Self.blobTransaction(table) { () throws(SQLiteError) in try table.setVerified(row) }
        // From here on the candidate counts on it, and may have no network to fetch it again after a power cut.
        do throws(SQLiteError) { try table.makeDurable() } catch { throw .running(error) }
      }
      return true
    }
  }

  /// Bytes of a verified blob; `nil` if it is not here whole and verified, or the range lies outside it.
  public func readPart(
    of pack: Digest256, offset: UInt64, length: UInt64
  ) throws(ExamStoreError) -> [UInt8]? {
    try withBlobs { (table) throws(ExamStoreError) in
      guard let row = try table.row(pack), row.isVerified, offset <= UInt64(row.length),
        length <= UInt64(row.length) - offset
      else { return nil }
      let bytes = try table.bytes(Int(offset)..<Int(offset + length), of: row)
      guard bytes.count == Int(length) else { throw .damaged("chunks of blob \(pack) are missing") }
      return bytes
    }
  }

  /// A whole verified blob; `nil` if it is not here.
  public func readBlob(_ reference: BlobReference) throws(ExamStoreError) -> [UInt8]? {
    try readPart(of: reference.digest, offset: 0, length: reference.length)
  }

  /// Forgets a blob, for example one whose parts do not open.
  public func removeBlob(_ digest: Digest256) throws(ExamStoreError) {
    try withBlobs { (table) throws(ExamStoreError) in
      try Self.blobTransaction(table) { () throws(SQLiteError) in try table.delete(digest) }
    }
  }

  private func withBlobs<Value>(
    _ body: (BlobTable) throws(ExamStoreError) -> Value
  ) throws(ExamStoreError) -> Value {
    if let fault, fault.code == .closed { throw fault }
    do throws(ExamStoreError) { return try body(try blobTable()) } catch {
      guard Self.isDamage(error) else { throw error }
      try setBlobsAside()
    }
    return try body(try blobTable())
  }

  private func blobTable() throws(ExamStoreError) -> BlobTable {
    if let blobs { return blobs }
    do throws(SQLiteError) {
      let table = try BlobTable(setup)
      blobs = table
      return table
    } catch { throw .opening(error, path: setup.blobPath) }
  }

  private static func isDamage(_ error: ExamStoreError) -> Bool {
    if error.code == .damaged { return true }
    guard let cause = error.underlying as? SQLiteError else { return false }
    switch cause.code {
    case .corrupt, .notADatabase, .editedSchema: return true
    default: return false
    }
  }

  private func setBlobsAside() throws(ExamStoreError) {
    blobs?.close()
    blobs = nil
    var number = 1
    while setup.files.exists("\(setup.blobPath).quarantined-\(number)") { number += 1 }
    let name = "\(setup.blobPath).quarantined-\(number)"
    if setup.files.exists(setup.blobPath) { try setup.files.rename(setup.blobPath, to: name) }
    for (companion, target) in zip(StoreSetup.companions(of: setup.blobPath), StoreSetup.companions(of: name))
    where setup.files.exists(companion) {
      setup.files.remove(target)
      try setup.files.rename(companion, to: target)
    }
  }

  private static func blobTransaction(
    _ table: BlobTable, _ body: () throws(SQLiteError) -> Void
  ) throws(ExamStoreError) {
    do throws(SQLiteError) { try table.connection.transaction(.immediate, body) } catch { throw .running(error) }
  }
}
