import ExamModel
import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// Seals, and the receipts of one batch: leaves of one tree, under one signature, inside the transaction.
extension ServerCore {
  func sealed(
    _ memory: AttemptMemory, by journal: JournalMemory,
    _ seal: (sequence: UInt64, before: Digest256, after: Digest256, body: [UInt8])
  ) throws {
    guard let entry = try? Entry(wire: seal.body), case .seal(let signed) = entry.kind,
      let statement = try? SealStatement(wire: signed.statement)
    else { return }
    let row = SealRow(
      attempt: memory.id, ordinal: statement.ordinal, journal: journal.row.id, sequence: seal.sequence,
      device: journal.row.device, headBefore: seal.before, headAfter: seal.after, statement: signed.statement,
      signature: signed.signature)
    try store.save(seal: row)
    if statement.ordinal > memory.row.sealOrdinal + 1 { try note("seal-ahead", of: memory, Self.sealAhead) }
    memory.row.isSealed = true
    memory.row.sealOrdinal = statement.ordinal
    memory.isRowDirty = true
    guard !memory.receiptOrdinals.contains(statement.ordinal) else { return }
    memory.waiting = WaitingSeal(row: row, statement: statement)
  }

  /// Makes the receipts of all seals whose journals are there.
  func makeReceipts() throws {
    let ready = try work.waiting.values.filter { try isComplete($0) }.sorted { $0.id < $1.id }
    work.waiting.removeAll()
    guard !ready.isEmpty else { return }
    let statements = ready.map(receiptStatement)
    let bodies = statements.map(\.wire)
    let leaves = bodies.map(MerkleTree.leaf)
    let previous = try lastRoot()
    let root = RootStatement(
      node: node, epoch: epoch, index: previous.map { $0.epoch == epoch ? $0.index + 1 : 0 } ?? 0,
      previous: previous.map { Hash.sha256($0.statement) } ?? .zero, root: MerkleTree.root(leaves[...]), time: time)
    let rootBytes = root.wire
    let signature = identity.sign(rootBytes, context: .root)
    let row = RootStoreRow(
      id: (previous?.id ?? 0) + 1, epoch: epoch, index: root.index, statement: rootBytes, signature: signature)
    try store.insert(root: row)
    work.root = row
    for (index, memory) in ready.enumerated() {
      let receipt = Receipt(
        statement: bodies[index], leafIndex: UInt64(index), leafCount: UInt64(leaves.count),
        path: MerkleTree.path(to: index, in: leaves[...]), root: rootBytes, signature: signature, keyID: identity.id)
      try save(receipt.wire, statements[index], of: memory)
      memory.waiting = nil
    }
  }

  private func lastRoot() throws -> RootStoreRow? {
    if let newest = work.root ?? newestRoot { return newest }
    return try store.lastRoot()
  }

  /// What the board says of an attempt whose seal follows one that a restored server has lost.
  static let sealAhead = "Seals before this one are not known here. Look at what was kept without effect."

  private func isComplete(_ memory: AttemptMemory) throws -> Bool {
    guard let waiting = memory.waiting else { return false }
    for position in waiting.statement.journals {
      guard let journal = memory.journals.first(where: { $0.row.id == position.journal }),
        journal.row.sequence >= position.sequence,
        try heads(of: journal.row, at: [position.sequence])[position.sequence] == position.head
      else { return false }
    }
    return true
  }

  private func receiptStatement(_ memory: AttemptMemory) -> ReceiptStatement {
    guard let waiting = memory.waiting else { preconditionFailure("only waiting seals get receipts") }
    let sheet = memory.sheet
    var head = waiting.row.headAfter
    #if PlantedBugs
      if planted(.receiptOverWrongHead) { head = waiting.row.headBefore }
    #endif
    return ReceiptStatement(
      attempt: memory.id, ordinal: waiting.row.ordinal, journal: waiting.row.journal, sequence: waiting.row.sequence,
      head: head, answers: waiting.statement.answers, answerCount: waiting.statement.answerCount,
      serverTime: time,
      number: ReceiptNumber.of(attempt: memory.id, ordinal: waiting.row.ordinal, head: waiting.row.headAfter),
      applied: Hash.sha256(sheet.canonicalBytes), appliedCount: UInt32(sheet.count))
  }

  private func save(_ receipt: [UInt8], _ statement: ReceiptStatement, of memory: AttemptMemory) throws {
    touch(memory)
    try store.save(
      receipt: ReceiptStoreRow(
        attempt: memory.id, ordinal: statement.ordinal, number: statement.number, serverTime: statement.serverTime,
        receipt: receipt))
    try put(
      receipt, scope: memory.row.candidate, ScopeCollection.receipt,
      NumberedRecord.key(attempt: memory.id, number: statement.ordinal))
    memory.receiptOrdinals.insert(statement.ordinal)
    if memory.state.isSealed { try store.save(applied: encodedAnswers(of: memory), attempt: memory.id) }
  }

  /// A receipt that carries this server's signature is honoured whatever the store says; of two the earlier counts.
  func honour(_ bytes: [UInt8], session: SessionEntry) throws {
    guard bytes.count <= Limits.recordBytes, let receipt = try? Receipt(wire: bytes),
      let (statement, _) = try? receipt.verified(publicKey: identity.publicKey),
      let memory = try attemptMemory(statement.attempt), memory.row.candidate == session.candidate
    else { return }
    if let known = try store.receipt(attempt: statement.attempt, ordinal: statement.ordinal) {
      guard known.receipt != bytes, statement.serverTime < known.serverTime else { return }
    }
    touch(memory)
    try save(bytes, statement, of: memory)
    if memory.waiting?.row.ordinal == statement.ordinal { memory.waiting = nil }
    try audit(
      "receipt-honoured", by: "candidate \(session.candidate)", of: memory.id.hex,
      "seal \(statement.ordinal), receipt \(statement.number)")
  }
}

/// Short names of receipts, for people: `7K3M-Q9TD`.
enum ReceiptNumber {
  /// Crockford's base 32: no I, L, O, U.
  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

  static func of(attempt: ID128, ordinal: UInt32, head: Digest256) -> String {
    var bytes = Array("examsync receipt number v1".utf8) + attempt.bytes
    bytes.appendBigEndian(ordinal)
    head.append(to: &bytes)
    var value = Hash.sha256(bytes).words[0]
    var digits: [Character] = []
    for position in 0..<8 {
      if position == 4 { digits.append("-") }
      digits.append(alphabet[Int(value >> 59)])
      value <<= 5
    }
    return String(digits)
  }
}
