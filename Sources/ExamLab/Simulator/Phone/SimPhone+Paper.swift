import ExamClient
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// The sealed paper and the start, as in `ExamClient+Paper`.
extension SimPhone {
  static func paperVersionSetting(_ attempt: ID128) -> String { "engine.paper-version.\(attempt.hex)" }

  func paperRecord(of attempt: ID128) -> PaperRecord? {
    guard let store, let terms = try? store.terms(attempt), let exam = terms.exam else { return nil }
    var version = exam.paperVersion
    if let started = try? store.setting(Self.paperVersionSetting(attempt)),
      let text = UInt32(String(decoding: started, as: UTF8.self)), (try? store.phase(of: attempt)) != .notStarted
    {
      version = text
    }
    return try? store.value(PaperRecord.self, ScopeCollection.paper, "\(version)", in: terms.attempt.exam)
  }

  private func paperKey(of attempt: ID128, _ record: PaperRecord) -> [UInt8]? {
    guard let store, let exam = try? store.terms(attempt).attempt.exam,
      let released = try? store.value(KeyRecord.self, ScopeCollection.key, "paper", in: exam),
      BlobSeal.keyCheck(released.key) == record.keyCheck
    else { return nil }
    return released.key
  }

  /// Everything for the start is here.
  var isReady: Bool {
    guard let store, let attempt, let record = paperRecord(of: attempt), paperKey(of: attempt, record) != nil else {
      return false
    }
    return ([record.manifest] + record.packs).allSatisfy { (try? store.blobProgress($0).isVerified) == true }
  }

  func paper(of attempt: ID128) throws -> OpenedPaper {
    if let openedPaper, openedPaper.attempt == attempt { return openedPaper }
    let store = try openStore()
    guard let record = paperRecord(of: attempt), let key = paperKey(of: attempt, record) else {
      throw SimRefusal(code: "not-ready")
    }
    let references = [record.manifest] + record.packs
    guard references.allSatisfy({ (try? store.blobProgress($0).isVerified) == true }) else {
      refreshDownloads()
      throw SimRefusal(code: "not-ready")
    }
    do throws(PaperFault) {
      let found = try SimPaperShelf.shared.paper(record, key: key) { digest in
        references.first { $0.digest == digest }.flatMap { try? store.readBlob($0) }
      }
      let opened = OpenedPaper(
        attempt: attempt, version: record.version, paper: found.paper,
        orderSeed: (try? store.terms(attempt).attempt.orderSeed) ?? 0)
      openedPaper = opened
      note(.paperReadable(attempt: attempt, content: found.content))
      return opened
    } catch {
      for reference in references where (try? store.verify(reference, again: true)) != true {
        stepDownloads(.corrupt(reference.digest))
      }
      refreshDownloads()
      throw SimRefusal(code: "paper-damaged")
    }
  }

  func start() throws {
    guard let attempt else { throw SimRefusal(code: "not-joined") }
    sealIfBellRang()
    let store = try openStore()
    let status = try store.outline(of: attempt)
    guard case .notStarted = status.phase else {
      _ = try paper(of: attempt)
      return
    }
    let terms = try store.terms(attempt)
    guard let window = terms.window, !terms.attempt.isVoided else { throw SimRefusal(code: "not-ready") }
    let paper = try paper(of: attempt)
    let now = reading()
    let server = serverTime.bounds(atBootMilliseconds: now.bootMilliseconds)
    let time = TimeRules.classify(
      earliest: server?.earliest, latest: server?.latest, deadline: window.deadline(started: nil))
    let context = context(at: now)
    try store.setSetting(Self.paperVersionSetting(attempt), to: Array("\(paper.version)".utf8))
    let saved = try journalling {
      try store.start(
        code: SimExam.code, paperVersion: paper.version, context: context, in: attempt,
        at: SaveMoment(instant(), time: time))
    }
    noteSaved(saved, store)
    bell = Bell(grantedMilliseconds: terms.grantedMilliseconds)
    updateBell()
    clockPersistedAt = 0
    nudge()
    armWake()
  }
}

/// Why the phone refused.
struct SimRefusal: Error {
  var code: String
}
