import ExamModel
import SyncProtocol
import SyncWire

/// Commands on whole exams.
extension ServerCore {
  func createExam(_ draft: ExamDraft, by actor: String) throws -> ExamSummary {
    try checkText(draft.title, "title", maximumBytes: 300)
    try checkText(draft.specialty, "specialty", maximumBytes: 300)
    guard !draft.title.isEmpty else { throw Problem(.invalidValue, "An exam needs a title.") }
    try checkWindow(opensAt: draft.opensAt, closesAt: draft.closesAt)
    if let duration = draft.durationMilliseconds {
      guard duration > 0, duration <= OperatorLimits.extensionMilliseconds else {
        throw Problem(.invalidValue, "The duration must lie between 1 millisecond and a day.")
      }
    }
    let policy = try AttemptPolicy(checking: draft.policy)
    let code = try freeCode(draft.code)
    let id = ID128.random(using: &generator)
    let record = ExamRecord(
      title: draft.title, opensAt: draft.opensAt, closesAt: draft.closesAt,
      durationMilliseconds: draft.durationMilliseconds, policy: policy, specialty: draft.specialty, paperVersion: 0)
    let row = ExamRow(
      id: id, code: code, record: record, isKeyReleased: false, announcements: 0, attempts: 0)
    try save(ExamEntry(row: row))
    try audit("exam-create", by: actor, of: id.hex, draft.title)
    return summary(row)
  }

  /// Saves an exam's row, and its record for the candidates.
  func save(_ entry: ExamEntry) throws {
    work.touchedGlobals = true
    exams[entry.row.id] = entry
    try store.save(exam: entry.row)
    try put(entry.row.record.wire, scope: entry.row.id, ScopeCollection.exam, "info")
  }

  private func checkWindow(opensAt: Int64, closesAt: Int64) throws {
    guard opensAt > 0, closesAt > opensAt, closesAt < 253_402_300_800_000 else {
      throw Problem(.invalidValue, "The bell must come after the opening; both are milliseconds since 1970.")
    }
  }

  private func freeCode(_ wanted: String?) throws -> String {
    if let wanted {
      guard ExamCode.isWellFormed(wanted) else {
        throw Problem(.invalidValue, "An exam code has exactly \(Limits.examCodeDigits) digits.")
      }
      guard liveExam(code: wanted) == nil else {
        throw Problem(.conflict, "Another exam has this code. Choose another one, or leave it out.")
      }
      return wanted
    }
    for _ in 0..<1_000 {
      let code = ExamCode.random(using: &generator)
      if liveExam(code: code) == nil { return code }
    }
    throw Problem(.conflict, "Nearly all exam codes are taken. Cancel exams that are over.")
  }

  func postpone(_ id: ID128, opensAt: Int64, closesAt: Int64, by actor: String) throws -> ExamSummary {
    var entry = try known(exam: id)
    guard !entry.row.isKeyReleased, entry.row.record.opensAt > time else {
      throw Problem(.conflict, "The opening has passed, so it cannot be moved any more. Extend the exam instead.")
    }
    guard !entry.row.record.isCancelled else { throw Problem(.conflict, "The exam is cancelled.") }
    try checkWindow(opensAt: opensAt, closesAt: closesAt)
    guard opensAt > time else { throw Problem(.invalidValue, "The new opening must lie in the future.") }
    entry.row.record.opensAt = opensAt
    entry.row.record.closesAt = closesAt
    try save(entry)
    // A device that started before the opening may have an earlier deadline now.
    try loadDeadlines()
    try audit("exam-postpone", by: actor, of: id.hex, "opens \(opensAt), closes \(closesAt)")
    return summary(entry.row)
  }

  func cancel(_ id: ID128, reason: String, by actor: String) throws -> ExamSummary {
    var entry = try known(exam: id)
    try checkText(reason, "reason")
    entry.row.record.isCancelled = true
    try save(entry)
    try audit("exam-cancel", by: actor, of: id.hex, reason)
    return summary(entry.row)
  }

  func announce(_ text: String, in id: ID128, by actor: String) throws {
    var entry = try known(exam: id)
    try checkText(text, "text", maximumBytes: OperatorLimits.announcementBytes)
    guard !text.isEmpty else { throw Problem(.invalidValue, "An announcement needs a text.") }
    entry.row.announcements += 1
    try save(entry)
    try put(
      AnnouncementRecord(text: text, at: time).wire, scope: id, ScopeCollection.announcement,
      String(entry.row.announcements))
    try audit("announce", by: actor, of: id.hex, text)
  }

  func publish(_ paper: PublishedPaper, in id: ID128, by actor: String) throws -> ExamSummary {
    var entry = try known(exam: id)
    guard paper.version == entry.row.record.paperVersion + 1 else {
      throw Problem(.conflict, "The next version of this paper is \(entry.row.record.paperVersion + 1). Read it anew.")
    }
    guard paper.key.count == 32, entry.paperKey == nil || entry.paperKey == paper.key,
      BlobSeal.keyCheck(paper.key) == paper.keyCheck
    else { throw Problem(.conflict, "All versions of a paper are sealed under the exam's one key.") }
    guard !paper.items.isEmpty else { throw Problem(.invalidValue, "A paper needs at least one item.") }
    try store.insert(
      paper: PaperRow(
        exam: id, version: paper.version, key: paper.key, items: StoredJSON.encode(paper.items),
        parts: StoredJSON.encode(paper.parts)))
    entry.row.record.paperVersion = paper.version
    entry.add(paper.items, key: paper.key)
    try save(entry)
    let record = PaperRecord(
      version: paper.version, manifest: paper.manifest.reference, keyCheck: paper.keyCheck,
      packs: paper.packs.map(\.reference))
    try put(record.wire, scope: id, ScopeCollection.paper, String(paper.version))
    try audit("paper-publish", by: actor, of: id.hex, "version \(paper.version), \(paper.items.count) items")
    return summary(entry.row)
  }

  func publishingState(_ id: ID128) throws -> PublishingState {
    let entry = try known(exam: id)
    let newest = try store.papers(exam: id).max { $0.version < $1.version }
    return PublishingState(
      examTitle: entry.row.record.title, version: newest?.version ?? 0, key: newest?.key,
      parts: try newest.map { try StoredJSON.decode(PublishedParts.self, from: $0.parts) } ?? PublishedParts())
  }

  func summary(_ row: ExamRow) -> ExamSummary {
    ExamSummary(
      exam: row.id, title: row.record.title, code: row.code, opensAt: row.record.opensAt,
      closesAt: row.record.closesAt, durationMilliseconds: row.record.durationMilliseconds,
      specialty: row.record.specialty, policy: ExamPolicy(row.record.policy), isCancelled: row.record.isCancelled,
      paperVersion: row.record.paperVersion, isKeyReleased: row.isKeyReleased, attempts: row.attempts)
  }
}

extension AttemptPolicy {
  init(checking draft: ExamPolicy) throws {
    var policy = AttemptPolicy()
    if let maximum = draft.maximumLocks {
      guard maximum <= 100 else { throw Problem(.invalidValue, "The limit of locks is at most 100; 0 is for none.") }
      policy.maximumLocks = maximum
    }
    if let names = draft.exemptCauses {
      policy.exemptCauses = []
      for name in names {
        guard let cause = LockCause(rawValue: name) else {
          let known = LockCause.allCases.map(\.rawValue).joined(separator: ", ")
          throw Problem(.invalidValue, "There is no lock cause of that name. Known are \(known).")
        }
        policy.exemptCauses.insert(cause)
      }
    }
    if let restartLocks = draft.restartLocks { policy.restartLocks = restartLocks }
    if let fields = draft.informationFields {
      guard fields.count <= Limits.informationFields, Set(fields).count == fields.count,
        fields.allSatisfy({ (1...64).contains($0.utf8.count) })
      else {
        throw Problem(.invalidValue, "The form has at most \(Limits.informationFields) fields with names of their own.")
      }
      policy.informationFields = fields
    }
    if let version = draft.minimumAppVersion {
      guard DottedVersion(version) != nil else {
        throw Problem(.invalidValue, "A version is one to four numbers with dots between them, such as 3.4.2.")
      }
      policy.minimumAppVersion = version
    }
    self = policy
  }
}

extension ExamPolicy {
  init(_ policy: AttemptPolicy) {
    self.init(
      maximumLocks: policy.maximumLocks, exemptCauses: policy.exemptCauses.map(\.rawValue).sorted(),
      restartLocks: policy.restartLocks, informationFields: policy.informationFields,
      minimumAppVersion: policy.minimumAppVersion)
  }
}
