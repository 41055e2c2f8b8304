import ExamClient
import ExamModel
import ExamStore
import SyncProtocol

/// What a candidate does on the screen, as in `ExamClient+Answering`, `+Locks` and `+Submitting`.
extension SimPhone {
  /// What came before every save: the bell, which nothing may overtake.
  private func beginSave() throws -> (ExamStore, ID128) {
    guard let attempt else { throw SimRefusal(code: "not-joined") }
    sealIfBellRang()
    return (try openStore(), attempt)
  }

  func answer(_ item: String, _ value: AnswerValue) throws {
    try saving(item, value) { store, attempt in
      let paper = try answerablePaper(store, attempt)
      let canonical = try paper.paper.canonicalAnswer(value, for: item)
      return try store.save(canonical, for: item, section: paper.sections[item], in: attempt, at: moment())
    }
  }

  func clear(_ item: String) throws {
    try saving(item, nil) { store, attempt in
      let paper = try answerablePaper(store, attempt)
      return try store.clear(item, section: paper.sections[item], in: attempt, at: moment())
    }
  }

  func flag(_ item: String, isSet: Bool) throws {
    try saving(nil, nil) { store, attempt in
      let paper = try answerablePaper(store, attempt)
      return try store.flag(item, isSet: isSet, section: paper.sections[item], in: attempt, at: moment())
    }
  }

  func visit(_ item: String) throws {
    try saving(nil, nil) { store, attempt in
      _ = try answerablePaper(store, attempt)
      return try store.visit(item, in: attempt, at: moment())
    }
  }

  func leaveSection(_ section: String) throws {
    try saving(nil, nil) { store, attempt in try store.leave(section: section, in: attempt, at: moment()) }
  }

  func submitInformation() throws {
    try saving(nil, nil) { store, attempt in
      try store.storeInformation(
        [InformationField(name: "name", value: owner.username)], in: attempt, at: moment())
    }
  }

  private func answerablePaper(_ store: ExamStore, _ attempt: ID128) throws -> OpenedPaper {
    if let openedPaper, openedPaper.attempt == attempt { return openedPaper }
    switch try store.phase(of: attempt) {
    case .answering: return try paper(of: attempt)
    case .notStarted: throw ExamStoreError.notStarted
    case .locked(let number): throw ExamStoreError.locked(lock: number)
    case .sealed: throw ExamStoreError.sealed
    }
  }

  private func saving(
    _ item: String?, _ value: AnswerValue?, _ body: (ExamStore, ID128) throws -> Saved
  ) throws {
    do {
      let (store, attempt) = try beginSave()
      let saved = try body(store, attempt)
      guard !disk.isDead else { return world.note(node, .saveInterrupted(item: item, value: value)) }
      noteSaved(saved, store, item: item, value: value.flatMap { $0.isEmpty ? nil : $0 })
      nudge()
    } catch {
      noteRefused(item, value, error)
      throw error
    }
  }

  private func noteRefused(_ item: String?, _ value: AnswerValue?, _ error: any Error) {
    if disk.isDead { return world.note(node, .saveInterrupted(item: item, value: value)) }
    let code = (error as? ExamStoreError)?.code.rawValue ?? (error as? SimRefusal)?.code ?? "answer-invalid"
    if code == ExamStoreError.Code.storageFailed.rawValue {
      // After a failed sync the entry may still be found when the store is opened again.
      note(.saveInterrupted(item: item, value: value))
      note(.storageWarningShown(code: code))
    } else {
      note(.saveRefused(item: item, code: code))
      if code == ExamStoreError.Code.diskFull.rawValue { note(.storageWarningShown(code: code)) }
    }
  }

  /// What the screen shows as the current answer.
  func look(at item: String) {
    guard let attempt, let sheet = try? store?.answerSheet(of: attempt) else { return }
    note(.shown(item: item, value: sheet[item]))
  }

  // MARK: - Locks

  @discardableResult
  func lock(_ cause: LockCause, detail: String = "") throws -> LockOutcome? {
    let (store, attempt) = try beginSave()
    if case .locked(let number) = try store.phase(of: attempt) { throw ExamStoreError.locked(lock: number) }
    let outcome = try journalling { try store.lock(cause, detail: detail, in: attempt, at: moment()) }
    guard let outcome else { return nil }
    noteSaved(outcome.saved, store)
    guard !disk.isDead else { return outcome }
    note(.lockedShown(number: outcome.number))
    if outcome.handedIn, let status = try? store.outline(of: attempt), let seal = status.seal {
      shownSeal = seal.ordinal
      note(
        .sealedShown(
          attempt: attempt, ordinal: seal.ordinal, answers: seal.answers, answerCount: Int(seal.answerCount)))
    }
    nudge()
    return outcome
  }

  func unlock(code: String) throws {
    let (store, attempt) = try beginSave()
    let record = try store.terms(attempt).attempt
    let outcome = try journalling {
      try store.unlock(code: code, in: attempt, at: moment()) { code, number in
        CodeCheck.unlockCode(code, number: number, opens: record) ?? false
      }
    }
    noteSaved(outcome.saved, store)
    guard !disk.isDead else { return }
    note(.unlockedShown(number: outcome.number))
    nudge()
    try? takeLease(store, attempt)
  }

  // MARK: - Handing in

  /// The question before handing in: the digest that the confirmation is bound to.
  func requestSubmit() throws -> Digest256 {
    let (store, attempt) = try beginSave()
    guard case .answering = try store.phase(of: attempt) else { throw SimRefusal(code: "not-answering") }
    return try store.answerDigest(of: attempt)
  }

  func confirm(_ expected: Digest256) throws {
    let (store, attempt) = try beginSave()
    let outcome = try journalling { try store.seal(attempt, cause: .candidate, expecting: expected, at: moment()) }
    guard !disk.isDead else { return world.note(node, .saveInterrupted(item: nil, value: nil)) }
    noteSeal(outcome, store)
    nudge()
  }
}
