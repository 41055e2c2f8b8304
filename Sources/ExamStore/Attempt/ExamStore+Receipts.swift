public import ExamModel
import SQLite
public import SyncProtocol
import SyncWire

extension ExamStore {
  /// Keeps a receipt after checking its signature, its inclusion proof and that it is for a seal of this device, or for
  /// an attempt that was handed in elsewhere.
  ///
  /// - Parameter wire: the bytes as they came; they are kept byte for byte.
  /// - Throws: `.receiptInvalid`; nothing was kept.
  @discardableResult
  public func storeReceipt(_ wire: [UInt8]) throws(ExamStoreError) -> ReceiptStatement {
    guard let key = device?.serverKey else { throw .noIdentity }
    let statement: ReceiptStatement
    do {
      statement = try Receipt(wire: wire).verified(publicKey: key).receipt
    } catch {
      throw ExamStoreError(
        .receiptInvalid, "This receipt is not one of our server's (\(error)). Sync again to get the right one.")
    }
    let memory = try memory(of: statement.attempt)
    if let seal = memory.fold.seal, seal.statement.ordinal == statement.ordinal, seal.journal == statement.journal {
      guard try isSaid(statement, by: seal, of: memory) else {
        throw ExamStoreError(
          .receiptInvalid, "The receipt says something else than what was handed in here. Show this to the proctor.")
      }
    }
    let known = memory.receipts.first { $0.statement.ordinal == statement.ordinal }
    // Of two receipts for one seal the earlier counts (I13).
    if let known, known.statement.serverTime <= statement.serverTime { return known.statement }
    let receipt = StoredReceipt(statement: statement, body: wire)
    try transact { () throws(SQLiteError) in try tables.insertReceipt(receipt) }
    memory.receipts.removeAll { $0.statement.ordinal == statement.ordinal }
    memory.receipts.append(receipt)
    memory.receipts.sort { $0.statement.ordinal < $1.statement.ordinal }
    return statement
  }

  /// Whether a receipt is for this seal, or for an earlier one of the same paper: a seal that was kept under another
  /// lease is made anew, and a server that was restored from before may count the first of them. Or for a later one,
  /// in entries of another copy of this store, which this copy cannot have.
  private func isSaid(
    _ receipt: ReceiptStatement, by seal: SealMark, of memory: AttemptMemory
  ) throws(ExamStoreError) -> Bool {
    guard seal.statement.answers == receipt.answers else { return false }
    if seal.sequence == receipt.sequence { return seal.head == receipt.head }
    let end = memory.journals.first { $0.id == seal.journal }?.end ?? 0
    if receipt.sequence > end { return true }
    guard let stored = try journals().entry(receipt.sequence, of: seal.journalNumber), stored.head == receipt.head,
      case .seal(let signed) = stored.entry.kind, let earlier = try? SealStatement(wire: signed.statement)
    else { return false }
    return earlier.ordinal == receipt.ordinal && earlier.answers == receipt.answers
  }

  /// The receipts of an attempt with their bytes, by the seal's ordinal.
  public func receipts(
    of attempt: ID128
  ) throws(ExamStoreError) -> [(statement: ReceiptStatement, wire: [UInt8])] {
    try memory(of: attempt).receipts.map { (statement: $0.statement, wire: $0.body) }
  }

  /// Every receipt's bytes, to be shown to a server whose epoch changed.
  public var allReceipts: [[UInt8]] {
    memories.keys.sorted().flatMap { memories[$0]?.receipts.map(\.body) ?? [] }
  }

  /// Deletes the entries and answers of an attempt that is over; its receipts stay.
  ///
  /// - Parameters:
  ///   - serverTime: now, in server milliseconds since 1970.
  ///   - retentionMilliseconds: how long entries are kept after the receipt.
  /// - Throws: `.notDiscardable` unless the standing seal has a receipt, the server acknowledged every entry with the
  ///   head that this device has, and the retention is over. Nothing was deleted then.
  public func discardEntries(
    of attempt: ID128, serverTime: Int64, retentionMilliseconds: Int64
  ) throws(ExamStoreError) {
    let memory = try memory(of: attempt)
    guard let receipt = memory.currentReceipt else {
      throw ExamStoreError(.notDiscardable, "This attempt has no receipt yet; its entries stay.")
    }
    guard memory.journals.allSatisfy({ $0.pendingCount == 0 }) else {
      throw ExamStoreError(.notDiscardable, "The server lacks entries of this attempt; they stay.")
    }
    guard !memory.journals.contains(where: \.isReplaced) else {
      throw ExamStoreError(.notDiscardable, "This device keeps entries that the server does not have; they stay.")
    }
    let (over, overflows) = receipt.statement.serverTime.addingReportingOverflow(max(0, retentionMilliseconds))
    guard !overflows, serverTime >= over else {
      throw ExamStoreError(.notDiscardable, "The retention of this attempt is not over; its entries stay.")
    }
    let numbers = memory.journals.map(\.number)
    try transact { () throws(SQLiteError) in
      for number in numbers {
        for sql in ["DELETE FROM entry WHERE journal = ?1", "DELETE FROM journal WHERE number = ?1"] {
          try connection.run(sql) { (statement) throws(SQLiteError) in try statement.bind(number, at: 1) }
        }
      }
      for sql in ["DELETE FROM answer WHERE attempt = ?1", "UPDATE attempt SET base = NULL WHERE id = ?1"] {
        try connection.run(sql) { (statement) throws(SQLiteError) in try statement.bind(attempt, at: 1) }
      }
    }
    memory.journals = []
    memory.base = nil
    memory.fold = AttemptFold(base: nil, voids: memory.voids)
  }
}
