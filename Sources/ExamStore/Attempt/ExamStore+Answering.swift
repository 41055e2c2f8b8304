public import ExamModel
import SQLite
import SyncProtocol

extension ExamStore {
  /// Saves the whole new value of one item. An empty value clears it.
  ///
  /// The paper's own rules (`Paper.validate`) are the caller's to ask; here the value must be canonical.
  ///
  /// - Parameter section: the item's section, so that an answer in a section that was left is refused.
  /// - Throws: `.locked`, `.sealed`, `.notStarted`, `.timeUp`, `.sectionClosed`, `.answerInvalid`, `.entryTooLarge`,
  ///   `.diskFull`, `.storageFailed`, `.notAssigned`. Nothing was saved then, except that after a failed sync the entry
  ///   may still be found when the store is opened again.
  public func save(
    _ value: AnswerValue, for item: String, section: String? = nil, in attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    try Self.validate(item: item)
    if value.isEmpty { return try clear(item, section: section, in: attempt, at: moment) }
    try Self.validate(value)
    return try save(.answer(item: item, value: value), section: section, to: attempt, at: moment)
  }

  /// Takes an item's answer back.
  public func clear(
    _ item: String, section: String? = nil, in attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    try Self.validate(item: item)
    return try save(.clear(item: item), section: section, to: attempt, at: moment)
  }

  /// Marks an item for a second look, or takes the mark away.
  public func flag(
    _ item: String, isSet: Bool, section: String? = nil, in attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    try Self.validate(item: item)
    return try save(.flag(item: item, isSet: isSet), section: section, to: attempt, at: moment)
  }

  /// Journals that an item was looked at. Refused while nothing may be answered.
  public func visit(_ item: String, in attempt: ID128, at moment: SaveMoment) throws(ExamStoreError) -> Saved {
    try Self.validate(item: item)
    try requireAnswering(try memory(of: attempt))
    return try save(.visit(item: item), to: attempt, at: moment)
  }

  /// Leaves a section for good; a repetition changes nothing.
  ///
  /// - Parameter drafts: what was typed in the section and not saved yet. It becomes the answers of their items in the
  ///   same transaction, before the section is left.
  public func leave(
    section: String, saving drafts: [(item: String, value: AnswerValue)] = [], in attempt: ID128,
    at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    try Self.validate(item: section)
    let memory = try memory(of: attempt)
    if memory.fold.state.closedSections.contains(section) { return try unchanged(memory) }
    var kinds: [EntryKind] = []
    for (item, value) in drafts {
      try Self.validate(item: item)
      try Self.validate(value)
      kinds.append(value.isEmpty ? .clear(item: item) : .answer(item: item, value: value))
    }
    return try save(kinds + [.sectionLeft(section: section)], section: section, to: attempt, at: moment)
  }

  /// Fills in the information form (S3-08). A later form replaces an earlier one.
  ///
  /// - Throws: `.informationMissing` naming the fields that the exam asks for and that are empty.
  public func storeInformation(
    _ fields: [InformationField], in attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    let bytes = fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
    guard fields.count <= Limits.informationFields, bytes <= Limits.informationBytes else {
      throw .badArgument(
        "The form has at most \(Limits.informationFields) fields and \(Limits.informationBytes) bytes. Shorten it.")
    }
    let given = Set(fields.filter { !$0.value.allSatisfy(\.isWhitespace) }.map(\.name))
    let missing = policy(of: attempt).informationFields.filter { !given.contains($0) }
    guard missing.isEmpty else {
      throw ExamStoreError(
        .informationMissing, "These fields of the form are empty: \(missing.joined(separator: ", ")). Fill them in.")
    }
    return try save(.information(fields), to: attempt, at: moment)
  }

  /// Starts the attempt; a repetition changes nothing (S3-09). Whether the window is open and every asset is there is
  /// the caller's to ask.
  ///
  /// - Parameter context: what the device knows of the time, journalled before the start in one transaction with it: a
  ///   start that is refused leaves nothing behind.
  public func start(
    code: String, paperVersion: UInt32, context: ClockContext? = nil, in attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    let memory = try memory(of: attempt)
    if memory.fold.state.started, !memory.fold.state.isSealed { return try unchanged(memory) }
    let start = EntryKind.start(Start(code: code, paperVersion: paperVersion))
    return try save((context.map { [.context($0)] } ?? []) + [start], section: nil, to: attempt, at: moment)
  }

  /// Journals what the device knows of the time: at the start, after each boot, and when the bounds improve.
  public func storeContext(
    _ context: ClockContext, in attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    try save(.context(context), to: attempt, at: moment)
  }

  /// Journals that a time grant reached the candidate, once for each number.
  public func storeGrantSeen(
    _ number: UInt32, in attempt: ID128, at moment: SaveMoment
  ) throws(ExamStoreError) -> Saved {
    let memory = try memory(of: attempt)
    if memory.fold.grantsSeen.contains(number) { return try unchanged(memory) }
    return try save(.grantSeen(number: number), to: attempt, at: moment)
  }

  /// Persists the time left without an entry: every 30 s while the candidate only reads (I16).
  ///
  /// - Parameter note: a setting that has to be true together with it, such as the grants that the time left holds.
  public func persistClock(
    remainingMilliseconds: Int64, of attempt: ID128, at instant: DeviceInstant,
    noting note: (setting: String, value: [UInt8])? = nil
  ) throws(ExamStoreError) {
    let memory = try memory(of: attempt)
    let draft = try liveDraft(memory, at: SaveMoment(instant, remainingMilliseconds: remainingMilliseconds))
    // Time that is up stays up, and need not be written every half minute of a day.
    let persisted = memory.liveIndex.flatMap { memory.journals[$0].persisted }
    if note == nil, remainingMilliseconds == 0, persisted?.remainingMilliseconds == 0 { return }
    let settings = SettingTable(connection: connection)
    _ = try commit(draft, to: memory) { () throws(SQLiteError) in
      if let note { try settings.set(SettingTable.prefix + note.setting, to: note.value) }
    }
  }

  func requireAnswering(_ memory: AttemptMemory) throws(ExamStoreError) {
    switch memory.fold.state.phase {
    case .answering: return
    case .notStarted: throw .notStarted
    case .locked(let number): throw .locked(lock: number)
    case .sealed: throw .sealed
    }
  }

  // MARK: - What is passed in

  private static func validate(item: String) throws(ExamStoreError) {
    guard (1...Limits.keyBytes).contains(item.utf8.count), !item.utf8.contains(0) else {
      throw ExamStoreError(
        .answerInvalid, "An item's id has 1 to \(Limits.keyBytes) bytes and no null character. Check the id.")
    }
  }

  private static func validate(_ value: AnswerValue) throws(ExamStoreError) {
    let texts: [String]
    switch value {
    case .options(let ids):
      guard ids == AnswerValue.canonicalOptionIDs(ids), !ids.contains("") else {
        throw ExamStoreError(
          .answerInvalid, "Chosen options must be sorted and each named once. Choose again.")
      }
      texts = ids
    case .text(let text), .number(let text): texts = [text]
    case .blanks(let list): texts = list
    }
    guard !texts.contains(where: { $0.utf8.contains(0) }) else {
      throw ExamStoreError(.answerInvalid, "The answer holds a null character. Remove it and save again.")
    }
  }
}
