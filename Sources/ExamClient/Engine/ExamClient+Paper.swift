import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

extension ExamClient {
  /// Whether Start can be pressed, and what is missing if not. Asks nobody: it looks at what is here.
  public func preflight() throws(ExamClientError) -> PreflightReport {
    let attempt = try joinedAttempt()
    ringWhatIsDue()
    let status = try onStore { (store) throws(ExamStoreError) in try store.status(of: attempt) }
    let terms = try onStore { (store) throws(ExamStoreError) in try store.terms(attempt) }
    let progress = downloadProgress()
    var missing: [String] = []
    if terms.exam == nil { missing.append("the exam's timetable: stay connected") }
    if terms.exam?.isCancelled == true { missing.append("the exam was cancelled: ask the proctor") }
    if let fault = specialtyFault(terms) { missing.append(fault) }
    if !status.informationGiven, terms.exam?.policy.informationFields.isEmpty == false {
      missing.append("the information form: fill it in")
    }
    if let grant = store?.identity?.grant {
      if !grant.hasQuestionBank { missing.append("the question bank entry: tell your teacher or call support") }
      if !grant.hasMyExams { missing.append("the My exams entry: tell your teacher or call support") }
    }
    if progress.total == 0 {
      missing.append("the paper: stay connected")
    } else if progress.complete < progress.total {
      missing.append("\(progress.total - progress.complete) of \(progress.total) parts of the paper: stay connected")
    }
    if !progress.isKeyReleased { missing.append("the key, which comes when the exam opens") }
    return PreflightReport(isReady: missing.isEmpty, missing: missing, downloads: progress)
  }

  /// Starts the attempt and opens the paper (S3-09). A repetition opens the same paper again, so that a restarted app
  /// goes on at the last answer (S3-32).
  ///
  /// - Throws: ``ExamClientError/Code/notReady`` while a part of the paper or its key is missing, `.wrongSpecialty`
  ///   (S3-27), `.informationMissing` (S3-08), `.timeUp`, `.sealed`, `.alreadySubmitted`.
  @discardableResult
  public func start() throws(ExamClientError) -> PresentedPaper {
    let attempt = try joinedAttempt()
    ringWhatIsDue()
    let status = try onStore { (store) throws(ExamStoreError) in try store.status(of: attempt) }
    if case .sealed = status.phase { try requireSubmittable(status) }
    let paper: OpenedPaper
    if case .notStarted = status.phase {
      paper = try begin(attempt, status)
    } else {
      paper = try self.paper(of: attempt)
    }
    return PresentedPaper(paper: paper.paper, order: paper.order, time: timeLeft)
  }

  private func begin(_ attempt: ID128, _ status: AttemptStatus) throws(ExamClientError) -> OpenedPaper {
    let terms = try onStore { (store) throws(ExamStoreError) in try store.terms(attempt) }
    guard let exam = terms.exam, let window = terms.window else {
      throw ExamClientError(.notReady, "The exam's timetable is not here yet: stay connected.", nextActor: .engine)
    }
    guard !exam.isCancelled, !terms.attempt.isVoided else {
      throw ExamClientError(.notAssigned, "This exam was cancelled. Ask the proctor.", nextActor: .proctor)
    }
    if let fault = specialtyFault(terms) {
      throw ExamClientError(.wrongSpecialty, fault, nextActor: .proctor)
    }
    guard status.informationGiven || exam.policy.informationFields.isEmpty else {
      throw ExamClientError(.informationMissing, "The information form is not filled in yet. Fill it in, then start.")
    }
    let paper = try self.paper(of: attempt)
    guard
      paper.paper.specialty.isEmpty || terms.attempt.specialty.isEmpty
        || paper.paper.specialty == terms.attempt.specialty
    else {
      openedPaper = nil
      throw ExamClientError(
        .wrongSpecialty, wrongSpecialty(of: terms.attempt.specialty, paper.paper.specialty), nextActor: .proctor)
    }
    let now = reading()
    let server = serverTime.bounds(atBootMilliseconds: now.bootMilliseconds)
    let time = TimeRules.classify(
      earliest: server?.earliest, latest: server?.latest, deadline: window.deadline(started: nil))
    let code = (try? store?.setting(SettingName.examCode)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let moment = SaveMoment(DeviceInstant(now), time: time)
    let context = context(at: now)
    let saved = try onStore { (store) throws(ExamStoreError) in
      try store.setSetting(SettingName.paperVersion(attempt), to: Array("\(paper.version)".utf8))
      return try store.start(
        code: code, paperVersion: paper.version, context: context, in: attempt, at: moment)
    }
    bell = Bell(grantedMilliseconds: terms.grantedMilliseconds)
    updateBell()
    clockPersistedAt = 0
    scheduleNudge(.journal(saved.journal))
    armWake()
    return paper
  }

  // MARK: - Records

  /// The version that was started, or the one that the exam names now.
  func paperRecord(of attempt: ID128) -> PaperRecord? {
    guard let store, let terms = try? store.terms(attempt), let exam = terms.exam else { return nil }
    var version = exam.paperVersion
    if let started = try? store.setting(SettingName.paperVersion(attempt)),
      let text = UInt32(String(decoding: started, as: UTF8.self)), (try? store.phase(of: attempt)) != .notStarted
    {
      version = text
    }
    return try? store.value(PaperRecord.self, ScopeCollection.paper, "\(version)", in: terms.attempt.exam)
  }

  /// The key, if it was released and fits the paper.
  func paperKey(of attempt: ID128, _ record: PaperRecord) -> [UInt8]? {
    guard let store, let exam = try? store.terms(attempt).attempt.exam,
      let released = try? store.value(KeyRecord.self, ScopeCollection.key, "paper", in: exam),
      BlobSeal.keyCheck(released.key) == record.keyCheck
    else { return nil }
    return released.key
  }

  /// S3-27: a paper of another specialty is a hard stop, but never the end of what was begun.
  private func specialtyFault(_ terms: AttemptTerms) -> String? {
    guard let exam = terms.exam, !exam.specialty.isEmpty, !terms.attempt.specialty.isEmpty,
      exam.specialty != terms.attempt.specialty
    else { return nil }
    return wrongSpecialty(of: terms.attempt.specialty, exam.specialty)
  }

  private func wrongSpecialty(of own: String, _ other: String) -> String {
    "This exam is for \(other), and you are registered for \(own). Enter the code again, or tell the proctor."
  }

  // MARK: - Opening

  /// The opened paper, read from the sealed parts once.
  func paper(of attempt: ID128) throws(ExamClientError) -> OpenedPaper {
    if let openedPaper, openedPaper.attempt == attempt { return openedPaper }
    let (sealed, record) = try sealedPaper(of: attempt)
    let seed = try onStore { (store) throws(ExamStoreError) in try store.terms(attempt).attempt.orderSeed }
    do throws(PaperFault) {
      let opened = OpenedPaper(attempt: attempt, version: record.version, paper: try sealed.paper(), orderSeed: seed)
      openedPaper = opened
      findEnteredSections(opened)
      leaveSectionsThatEnded()
      return opened
    } catch {
      refetchDamaged(record)
      throw ExamClientError(error)
    }
  }

  /// A picture of the paper, verified. One that is missing or damaged is fetched again (S3-28).
  public func asset(_ id: String) throws(ExamClientError) -> [UInt8] {
    let attempt = try joinedAttempt()
    let opened = try paper(of: attempt)
    guard let reference = opened.paper.asset(id) else {
      throw ExamClientError(.badArgument, "This paper has no picture \(id). Check the item.")
    }
    let (sealed, record) = try sealedPaper(of: attempt)
    do throws(PaperFault) { return try sealed.asset(reference) } catch {
      refetchDamaged(record)
      throw ExamClientError(error)
    }
  }

  private func sealedPaper(of attempt: ID128) throws(ExamClientError) -> (SealedPaper, PaperRecord) {
    let store = try openStore()
    guard let record = paperRecord(of: attempt) else {
      throw ExamClientError(.notReady, "The paper is not on this device yet: stay connected.", nextActor: .engine)
    }
    let lengths = Dictionary(
      ([record.manifest] + record.packs).map { ($0.digest, $0.length) }
    ) { first, _ in first }
    let isComplete = ([record.manifest] + record.packs).allSatisfy { reference in
      (try? store.blobProgress(reference).isVerified) == true
    }
    guard isComplete else {
      refreshDownloads()
      throw ExamClientError(
        .notReady, "Parts of the paper are still on their way: stay connected.", nextActor: .engine)
    }
    guard let key = paperKey(of: attempt, record) else {
      throw ExamClientError(.notReady, "The paper is sealed until the exam opens: wait a moment.", nextActor: .engine)
    }
    do throws(PaperFault) {
      let sealed = try SealedPaper(record, key: key) { digest in
        lengths[digest].flatMap { try? store.readBlob(BlobReference(digest: digest, length: $0)) }
      }
      return (sealed, record)
    } catch {
      refetchDamaged(record)
      throw ExamClientError(error)
    }
  }

  /// Reads every blob of a paper again, and fetches those whose bytes are not what they should be.
  private func refetchDamaged(_ record: PaperRecord) {
    guard let store else { return }
    for reference in [record.manifest] + record.packs
    where (try? store.verify(reference, again: true)) != true {
      stepDownloads(.corrupt(reference.digest))
    }
    refreshDownloads()
  }

  /// Looks at the pictures of an item that came on screen (S3-28, S3-29).
  func repairAssets(of item: String) {
    guard let attempt, let opened = openedPaper else { return }
    let references = opened.paper.assetIDs(shownWith: item).compactMap { opened.paper.asset($0) }
    guard !references.isEmpty, let (sealed, record) = try? sealedPaper(of: attempt) else { return }
    for reference in references where (try? sealed.asset(reference)) == nil {
      refetchDamaged(record)
      return
    }
  }
}

extension Paper {
  /// The pictures on the screen of an item: its own, its options', and those of the stem that it shares.
  fileprivate func assetIDs(shownWith id: String) -> [String] {
    guard let item = item(id) else { return [] }
    var ids = item.assetIDs + options(of: item).compactMap(\.assetID)
    if case .sharedStem(let stem, _) = item.kind { ids += sharedStem(stem)?.assetIDs ?? [] }
    return ids
  }
}
