public import ExamModel

/// What a seal says, before it is encoded and signed by the device.
public struct SealStatement: Hashable, Sendable {
  /// Who or what handed in.
  public enum Cause: String, Hashable, Sendable, CaseIterable {
    case candidate
    /// The last allowed lock (S3-16).
    case locks
    case bell
    /// One of a later version, which this one does not know: what was handed in counts all the same.
    case other
  }

  public var attempt: ID128
  /// 1 for the first seal; one more after each reopen.
  public var ordinal: UInt32
  /// Every journal of the attempt with its last sequence and head; for the journal that holds the seal, the entry
  /// before it.
  public var journals: [JournalPosition]
  /// SHA-256 of the answer sheet's canonical bytes.
  public var answers: Digest256
  public var answerCount: UInt32
  public var cause: Cause

  public init(
    attempt: ID128, ordinal: UInt32, journals: [JournalPosition], answers: Digest256, answerCount: UInt32,
    cause: Cause
  ) {
    self.attempt = attempt
    self.ordinal = ordinal
    self.journals = journals
    self.answers = answers
    self.answerCount = answerCount
    self.cause = cause
  }
}

/// What a receipt says: one leaf of the tree whose root the server signs.
public struct ReceiptStatement: Hashable, Sendable {
  public var attempt: ID128
  public var ordinal: UInt32
  /// The journal that holds the seal.
  public var journal: ID128
  /// The seal's own sequence.
  public var sequence: UInt64
  /// The chain head after the seal.
  public var head: Digest256
  /// The answer sheet's digest as the device sealed it.
  public var answers: Digest256
  public var answerCount: UInt32
  /// Milliseconds since 1970.
  public var serverTime: Int64
  /// For people: short enough to be read out.
  public var number: String
  /// The answer sheet's digest as the server applied it; equal to `answers` unless entries were kept.
  public var applied: Digest256
  public var appliedCount: UInt32

  public init(
    attempt: ID128, ordinal: UInt32, journal: ID128, sequence: UInt64, head: Digest256, answers: Digest256,
    answerCount: UInt32, serverTime: Int64, number: String, applied: Digest256, appliedCount: UInt32
  ) {
    self.attempt = attempt
    self.ordinal = ordinal
    self.journal = journal
    self.sequence = sequence
    self.head = head
    self.answers = answers
    self.answerCount = answerCount
    self.serverTime = serverTime
    self.number = number
    self.applied = applied
    self.appliedCount = appliedCount
  }
}

/// The signed root over the receipts of one commit; each names the one before, so the roots are a log.
public struct RootStatement: Hashable, Sendable {
  public var node: ID128
  public var epoch: UInt64
  /// 0, 1, 2 … within (node, epoch).
  public var index: UInt64
  /// SHA-256 of the previous root statement's bytes; zero for the very first.
  public var previous: Digest256
  public var root: Digest256
  public var time: Int64

  public init(node: ID128, epoch: UInt64, index: UInt64, previous: Digest256, root: Digest256, time: Int64) {
    self.node = node
    self.epoch = epoch
    self.index = index
    self.previous = previous
    self.root = root
    self.time = time
  }
}

/// A receipt as it travels and is kept: signed bytes, never re-encoded.
public struct Receipt: Hashable, Sendable {
  public var statement: [UInt8]
  public var leafIndex: UInt64
  public var leafCount: UInt64
  public var path: [Digest256]
  public var root: [UInt8]
  public var signature: [UInt8]
  public var keyID: ID128

  public init(
    statement: [UInt8], leafIndex: UInt64, leafCount: UInt64, path: [Digest256], root: [UInt8],
    signature: [UInt8], keyID: ID128
  ) {
    self.statement = statement
    self.leafIndex = leafIndex
    self.leafCount = leafCount
    self.path = path
    self.root = root
    self.signature = signature
    self.keyID = keyID
  }

  /// Checks the signature and the inclusion proof with no network.
  ///
  /// - Parameters:
  ///   - rootDigest: the root named in the decoded root statement.
  ///   - publicKey: the server's identity key, as pinned.
  public func isValid(rootDigest: Digest256, publicKey: [UInt8]) -> Bool {
    guard keyID == KeyID.of(publicKey),
      Signatures.verify(signature, of: root, context: .root, publicKey: publicKey)
    else { return false }
    let leaf = MerkleTree.leaf(statement)
    return MerkleTree.root(leaf: leaf, index: leafIndex, count: leafCount, path: path) == rootDigest
  }
}
