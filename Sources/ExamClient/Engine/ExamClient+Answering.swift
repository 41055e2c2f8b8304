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
    let (place, canonical) = try answerable(item, value)
    let moment = moment()
    let receipt = try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.save(canonical, for: item, section: place.section, in: place.attempt, at: moment)
      })
    drafts.removeAll { $0.item == item }
    enter(place.section, at: moment)
    return receipt
  }

  /// Takes an item's answer back.
  @discardableResult
  public func clear(_ item: String) throws(ExamClientError) -> SaveReceipt {
    let (attempt, section) = try place(of: item)
    let moment = moment()
    let receipt = try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.clear(item, section: section, in: attempt, at: moment)
      })
    drafts.removeAll { $0.item == item }
    enter(section, at: moment)
    return receipt
  }

  /// Marks an item for a second look.
  @discardableResult
  public func flag(_ item: String, isSet: Bool) throws(ExamClientError) -> SaveReceipt {
    let (attempt, section) = try place(of: item)
    let moment = moment()
    let receipt = try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.flag(item, isSet: isSet, section: section, in: attempt, at: moment)
      })
    enter(section, at: moment)
    return receipt
  }

  /// An item came on screen. A picture of it that is missing or damaged is fetched again (S3-28, S3-29); the answer is
  /// never touched. The first item of a section with a time of its own starts that time; a section that was left can
  /// still be read.
  @discardableResult
  public func visit(_ item: String) throws(ExamClientError) -> SaveReceipt {
    let (attempt, section) = try place(of: item, isOnlyRead: true)
    let moment = moment()
    let receipt = try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.visit(item, in: attempt, at: moment)
      })
    enter(section, at: moment)
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
    let typed = drafts.filter { $0.section == section }.map { (item: $0.item, value: $0.value) }
    let moment = moment()
    let receipt = try saved(
      onStore { (store) throws(ExamStoreError) in
        try store.leave(section: section, saving: typed, in: attempt, at: moment)
      })
    drafts.removeAll { $0.section == section }
    sectionClocks.removeAll { $0.section == section }
    persistSections()
    return receipt
  }

  /// Fills in the information form (S3-08). Works without a network.
  @discardableResult
  public func submitInformation(_ fields: [InformationField]) throws(ExamClientError) -> SaveReceipt {
    let attempt = try joinedAttempt()
    ringWhatIsDue()
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
    ringWhatIsDue()
    return attempt
  }

  private func place(
    of item: String, isOnlyRead: Bool = false
  ) throws(ExamClientError) -> (attempt: ID128, section: String) {
    let attempt = try beginSave()
    let paper = try answerablePaper(attempt)
    let section = try section(of: item, paper)
    if !isOnlyRead { try requireTime(in: section) }
    return (attempt, section)
  }

  /// An answer that may be saved now, in the form in which it is kept.
  func answerable(
    _ item: String, _ value: AnswerValue
  ) throws(ExamClientError) -> (place: (attempt: ID128, section: String), value: AnswerValue) {
    let attempt = try beginSave()
    let paper = try answerablePaper(attempt)
    let canonical: AnswerValue
    do throws(AnswerRejection) {
      canonical = try paper.paper.canonicalAnswer(value, for: item)
    } catch {
      throw ExamClientError(error)
    }
    let section = try section(of: item, paper)
    try requireTime(in: section)
    return ((attempt, section), canonical)
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
    try requireAnswering(try onStore { (store) throws(ExamStoreError) in try store.phase(of: attempt) })
    return try paper(of: attempt)
  }

  func requireAnswering(_ phase: AttemptState.Phase) throws(ExamClientError) {
    switch phase {
    case .answering: return
    case .notStarted: throw ExamClientError(ExamStoreError.notStarted)
    case .locked(let number): throw ExamClientError(ExamStoreError.locked(lock: number))
    case .sealed: throw ExamClientError(ExamStoreError.sealed)
    }
  }

  func saved(_ saved: Saved) -> SaveReceipt {
    scheduleNudge(.journal(saved.journal))
    return SaveReceipt(sequence: saved.sequence, answerCount: saved.answerCount)
  }
}
