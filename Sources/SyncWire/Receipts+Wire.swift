import ExamModel
import SyncProtocol

import struct Foundation.Data

extension SealStatement: GeneratedConvertible {
  init(_ message: WireSealStatement) throws(WireError) {
    try Field.atMost(Limits.journalsPerAttempt, message.journals.count, "SealStatement.journals")
    self.init(
      attempt: try Field.id(message.attempt, "SealStatement.attempt"), ordinal: message.ordinal,
      journals: try message.journals.convert { journal throws(WireError) in try JournalPosition(journal) },
      answers: try Field.digest(message.answers, "SealStatement.answers"), answerCount: message.answerCount,
      cause: Cause(rawValue: message.cause) ?? .other)
  }

  var message: WireSealStatement {
    var message = WireSealStatement()
    message.attempt = Data(attempt.bytes)
    message.ordinal = ordinal
    message.journals = journals.map(\.message)
    message.answers = Data(answers.bytes)
    message.answerCount = answerCount
    message.cause = cause.rawValue
    return message
  }
}

extension Receipt: GeneratedConvertible {
  init(_ message: WireReceipt) throws(WireError) {
    try Field.atMost(64, message.path.count, "Receipt.path")
    self.init(
      statement: Array(message.statement), leafIndex: message.leafIndex, leafCount: message.leafCount,
      path: try message.path.convert { node throws(WireError) in try Field.digest(node, "Receipt.path") },
      root: Array(message.root), signature: try Field.bytes(message.signature, count: 64, "Receipt.signature"),
      keyID: try Field.id(message.keyID, "Receipt.key_id"))
  }

  var message: WireReceipt {
    var message = WireReceipt()
    message.statement = Data(statement)
    message.leafIndex = leafIndex
    message.leafCount = leafCount
    message.path = path.map { Data($0.bytes) }
    message.root = Data(root)
    message.signature = Data(signature)
    message.keyID = Data(keyID.bytes)
    return message
  }
}

extension Receipt {
  /// Checks the signature and the inclusion proof with no network, and gives out what the receipt says.
  public func verified(publicKey: [UInt8]) throws(WireError) -> (receipt: ReceiptStatement, root: RootStatement) {
    let rootStatement = try RootStatement(wire: root)
    guard isValid(rootDigest: rootStatement.root, publicKey: publicKey) else {
      throw WireError("Receipt", "the signature or the inclusion proof does not fit this server's key")
    }
    return (try ReceiptStatement(wire: statement), rootStatement)
  }
}

extension ReceiptStatement: GeneratedConvertible {
  init(_ message: WireReceiptStatement) throws(WireError) {
    self.init(
      attempt: try Field.id(message.attempt, "ReceiptStatement.attempt"), ordinal: message.ordinal,
      journal: try Field.id(message.journal, "ReceiptStatement.journal"), sequence: message.sequence,
      head: try Field.digest(message.head, "ReceiptStatement.head"),
      answers: try Field.digest(message.answers, "ReceiptStatement.answers"), answerCount: message.answerCount,
      serverTime: try Field.milliseconds(message.serverTime, "ReceiptStatement.server_time"), number: message.number,
      applied: try Field.digest(message.applied, "ReceiptStatement.applied"), appliedCount: message.appliedCount)
  }

  var message: WireReceiptStatement {
    var message = WireReceiptStatement()
    message.attempt = Data(attempt.bytes)
    message.ordinal = ordinal
    message.journal = Data(journal.bytes)
    message.sequence = sequence
    message.head = Data(head.bytes)
    message.answers = Data(answers.bytes)
    message.answerCount = answerCount
    message.serverTime = UInt64(clamping: serverTime)
    message.number = number
    message.applied = Data(applied.bytes)
    message.appliedCount = appliedCount
    return message
  }
}

extension RootStatement: GeneratedConvertible {
  init(_ message: WireRootStatement) throws(WireError) {
    self.init(
      node: try Field.id(message.node, "RootStatement.node"), epoch: message.epoch, index: message.index,
      previous: try Field.digest(message.previous, "RootStatement.previous"),
      root: try Field.digest(message.root, "RootStatement.root"),
      time: try Field.milliseconds(message.time, "RootStatement.time"))
  }

  var message: WireRootStatement {
    var message = WireRootStatement()
    message.node = Data(node.bytes)
    message.epoch = epoch
    message.index = index
    message.previous = Data(previous.bytes)
    message.root = Data(root.bytes)
    message.time = UInt64(clamping: time)
    return message
  }
}
