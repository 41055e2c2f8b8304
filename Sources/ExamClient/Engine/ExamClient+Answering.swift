public import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

extension ExamClient {
  /// Saves the whole new value of one item; an empty value clears it. Returns when it is on the disk.
  ///
  /// - Throws: ``ExamClientError/Code/locked``, `.sealed`, `.notStarted`, `.timeUp`, `.sectionClosed`,
  ///   `.answerInvalid`, `.entryTooLarge`, `.diskFull`, `.storageFailed`. Nothing was saved then.
  @discardableResult
  public func answer(_ item: String, _ value: AnswerValue) throws(ExamClientError) -> SaveReceipt {
    let attempt = try beginSave()
    let paper = try answerablePaper(attempt)
    let canonical: AnswerValue
    do throws(AnswerRejection) {
      canonical = try paper.paper.canonicalAnswer(value, for: item)
    } catch {
      throw ExamClientError(error)
    }
    let section = try section(of: item, paper)
    let moment = moment()
    return try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.save(canonical, for: item, section: section, in: attempt, at: moment)
      })
  }

  /// Takes an item's answer back.
  @discardableResult
  public func clear(_ item: String) throws(ExamClientError) -> SaveReceipt {
    let (attempt, section) = try place(of: item)
    let moment = moment()
    return try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.clear(item, section: section, in: attempt, at: moment)
      })
  }

  /// Marks an item for a second look.
  @discardableResult
  public func flag(_ item: String, isSet: Bool) throws(ExamClientError) -> SaveReceipt {
    let (attempt, section) = try place(of: item)
    let moment = moment()
    return try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.flag(item, isSet: isSet, section: section, in: attempt, at: moment)
      })
  }

  /// An item came on screen. A picture of it that is missing or damaged is fetched again (S3-28, S3-29); the answer is
  /// never touched.
  @discardableResult
  public func visit(_ item: String) throws(ExamClientError) -> SaveReceipt {
    let (attempt, _) = try place(of: item)
    let moment = moment()
    let receipt = try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.visit(item, in: attempt, at: moment)
      })
    repairAssets(of: item)
    return receipt
  }

  /// Leaves a section that has no way back.
  @discardableResult
  public func leaveSection(_ section: String) throws(ExamClientError) -> SaveReceipt {
    let attempt = try beginSave()
    let paper = try answerablePaper(attempt)
    guard let known = paper.paper.sections.first(where: { $0.id == section }) else {
      throw ExamClientError(.badArgument, "This paper has no section \(section). Check the section's id.")
    }
    guard !known.canGoBack else {
      throw ExamClientError(
        .badArgument, "Section \(section) can be entered again at any time: nothing has to be left.")
    }
    let moment = moment()
    return try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.leave(section: section, in: attempt, at: moment)
      })
  }

  /// Fills in the information form (S3-08). Works without a network.
  @discardableResult
  public func submitInformation(_ fields: [InformationField]) throws(ExamClientError) -> SaveReceipt {
    let attempt = try joinedAttempt()
    sealIfBellRang()
    let moment = moment()
    return try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.storeInformation(fields, in: attempt, at: moment)
      })
  }

  // MARK: - Parts

  /// What comes before every save: the bell, which nothing may overtake.
  private func beginSave() throws(ExamClientError) -> ID128 {
    let attempt = try joinedAttempt()
    sealIfBellRang()
    return attempt
  }

  private func place(of item: String) throws(ExamClientError) -> (attempt: ID128, section: String) {
    let attempt = try beginSave()
    let paper = try answerablePaper(attempt)
    return (attempt, try section(of: item, paper))
  }

  private func section(of item: String, _ paper: OpenedPaper) throws(ExamClientError) -> String {
    if let section = paper.sections[item] { return section }
    guard paper.paper.item(item) != nil else { throw ExamClientError(AnswerRejection.unknownItem(item)) }
    throw ExamClientError(
      .answerInvalid, "Item \(item) was not drawn for this candidate. Answer one of the items shown.")
  }

  /// The paper of an attempt that may be answered. The state is asked first, so that a locked candidate hears of the
  /// lock and not of a paper.
  func answerablePaper(_ attempt: ID128) throws(ExamClientError) -> OpenedPaper {
    if let openedPaper, openedPaper.attempt == attempt { return openedPaper }
    switch try onStore({ (store) throws(ExamStoreError) in try store.phase(of: attempt) }) {
    case .answering: break
    case .notStarted: throw ExamClientError(ExamStoreError.notStarted)
    case .locked(let number): throw ExamClientError(ExamStoreError.locked(lock: number))
    case .sealed: throw ExamClientError(ExamStoreError.sealed)
    }
    return try paper(of: attempt)
  }

  func saved(_ saved: Saved) -> SaveReceipt {
    scheduleNudge(.journal(saved.journal))
    return SaveReceipt(sequence: saved.sequence, answerCount: saved.answerCount)
  }
}
