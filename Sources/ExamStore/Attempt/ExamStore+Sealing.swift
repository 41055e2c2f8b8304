public import ExamModel
public import SyncProtocol
import SyncWire

#if PlantedBugs
  import Planted
#endif

/// A seal that is on the disk.
public struct SealOutcome: Hashable, Sendable {
  public var saved: Saved
  public var statement: SealStatement
  /// The chain head after the seal.
  public var head: Digest256
}

extension ExamStore {
  /// The current answers of an attempt.
  public func answerSheet(of attempt: ID128) throws(ExamStoreError) -> AnswerSheet {
    try memory(of: attempt).fold.sheet
  }

  /// SHA-256 of the current answer sheet: what a confirmation is bound to (S3-12).
  public func answerDigest(of attempt: ID128) throws(ExamStoreError) -> Digest256 {
    Hash.sha256(try memory(of: attempt).fold.sheet.canonicalBytes)
  }

  /// Hands in: one durable entry, signed by the device over the statement and the chain head before it. Nothing undoes
  /// it on this device (S3-11).
  ///
  /// A candidate's seal is refused while the attempt is locked; the bell's is not.
  ///
  /// - Parameter expected: the digest that the candidate was asked about; another sheet is `.sheetChanged`, and nothing
  ///   is handed in (S3-12).
  public func seal(
    _ attempt: ID128, cause: SealStatement.Cause, expecting expected: Digest256? = nil, at moment: SaveMoment
  ) throws(ExamStoreError) -> SealOutcome {
    let memory = try memory(of: attempt)
    switch memory.fold.state.phase {
    case .sealed: throw .sealed
    case .notStarted: throw .notStarted
    case .locked(let number) where cause != .locks && cause != .bell: throw .locked(lock: number)
    #if PlantedBugs
      case .locked(let number) where planted(.bellIgnoredWhileLocked) && cause == .bell: throw .locked(lock: number)
    #endif
    default: break
    }
    if let expected, expected != Hash.sha256(memory.fold.sheet.canonicalBytes) {
      throw ExamStoreError(
        .sheetChanged, "The answers changed since you were asked. Look at them, then hand in again.")
    }
    var draft = try liveDraft(memory, at: moment)
    let statement = try appendSeal(cause: cause, of: memory, to: &draft)
    let saved = try commit(draft, to: memory)
    return SealOutcome(saved: saved, statement: statement, head: draft.journal.head)
  }

  /// Goes on after a reopening (record `reopen`), once for each seal.
  ///
  /// What was answered here while another device had handed in already was kept without effect (I12), and so was what
  /// came too late. It counts from now on: it is journalled once more with the reopening, and before it the start,
  /// where that was kept too.
  public func reopen(
    sealOrdinal: UInt32, of attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> TakeOver {
    let memory = try memory(of: attempt)
    let word = try serverWord(memory)
    try goOnFromAnothersSeal(sealOrdinal, memory, word)
    var draft = try liveDraft(memory, at: moment)
    let reopened = EntryKind.reopened(sealOrdinal: sealOrdinal)
    var state = draft.state
    if case .kept(let reason) = state.admit(reopened, time: .inTime, policy: policy(of: attempt)) {
      throw refusal(reason, of: memory)
    }
    try draft.append(reopened)
    if draft.state.phase == .notStarted {
      for kind in try startSaid(memory) { try draft.append(kind) }
    }
    // Below a lock, or before a start, it does not count yet: it stands here, and is said again after that.
    let late = moment.time == .late ? [] : try valuesAfterDeadline(memory, word)
    try draft.append(try withValuesAfterSeal(late, memory, word))
    return try committed(draft, to: memory)
  }

  /// Adds the seal to a draft whose other entries change no answer.
  ///
  /// - Parameter ordinal: of a seal that is made anew; `nil` for the next one.
  @discardableResult
  func appendSeal(
    cause: SealStatement.Cause, ordinal: UInt32? = nil, of memory: AttemptMemory, to draft: inout Draft
  ) throws(ExamStoreError) -> SealStatement {
    // The boot is told before the head is signed.
    try draft.tellBoot()
    let statement = try sealStatement(
      of: memory, ordinal: ordinal ?? draft.state.sealOrdinal + 1, cause: cause, sheet: memory.fold.sheet,
      in: draft.journal)
    try draft.append(.seal(try signed(statement, in: draft.journal)))
    return statement
  }

  /// - Parameters:
  ///   - others: the attempt's other journals on this device; by default those beside `own`.
  ///   - own: the journal that the seal goes into, as it is before it.
  func sealStatement(
    of memory: AttemptMemory, ordinal: UInt32, cause: SealStatement.Cause, sheet: AnswerSheet,
    others: [JournalState]? = nil, in own: JournalState
  ) throws(ExamStoreError) -> SealStatement {
    var (sheet, sealedHead) = (sheet, own.head)
    var others = others ?? memory.journals.filter { $0.id != own.id }
    #if PlantedBugs
      if planted(.sealWithoutNewestAnswer), let newest = sheet.sorted.last { sheet.set(.options([]), for: newest.item) }
      if planted(.sealForgetsLeftJournals) { others = [] }
      if planted(.sealOverWrongHead) { sealedHead = own.genesis }
    #endif
    var positions: [ID128: JournalPosition] = [:]
    for position in try positionsToSeal(memory) { positions[position.journal] = position }
    for journal in others {
      let end = JournalPosition(
        journal: journal.id, sequence: journal.end, head: try journals().head(of: journal, at: journal.end) ?? .zero)
      // The server's own word about a journal that was left reaches further than what counts on this device.
      if let known = positions[journal.id], known.sequence >= end.sequence { continue }
      positions[journal.id] = end
    }
    positions[own.id] = JournalPosition(journal: own.id, sequence: own.last, head: sealedHead)
    return SealStatement(
      attempt: memory.attempt, ordinal: ordinal, journals: positions.values.sorted { $0.journal < $1.journal },
      answers: Hash.sha256(sheet.canonicalBytes), answerCount: UInt32(sheet.count), cause: cause)
  }

  /// Signed over the head of the journal that the seal goes into, as it is before it.
  func signed(_ statement: SealStatement, in own: JournalState) throws(ExamStoreError) -> SignedStatement {
    guard let device else { throw .noIdentity }
    let bytes = statement.wire
    return SignedStatement(
      statement: bytes, signature: device.signingKey.sign(bytes + own.head.bytes, context: .seal))
  }
}
