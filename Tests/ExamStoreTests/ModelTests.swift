import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

/// The store against a model that is nothing but a few dictionaries, over seeded random lives with reopenings at random
/// points.
@Suite struct ModelTests {
  private struct Model {
    var answers: [String: String] = [:]
    var flags: Set<String> = []
    var closed: Set<String> = []
    var locks: UInt32 = 0
    var isLocked = false
    var sealOrdinal: UInt32 = 0
    var isSealed = false

    var refusal: ExamStoreError.Code? {
      isSealed ? .sealed : isLocked ? .locked : nil
    }
  }

  @Test(arguments: 1...24)
  func storeDoesWhatTheModelDoes(seed: UInt64) throws {
    let phone = try Phone.answering(seed: seed, policy: AttemptPolicy(maximumLocks: 4))
    var random = SplitMix(state: seed &* 7_919)
    var model = Model()
    for _ in 0..<120 {
      try step(phone, &model, &random)
      try compare(phone, model)
    }
    try phone.restart()
    #expect(phone.store.report.quarantine == nil)
    try compare(phone, model)
  }

  @Test(arguments: 101...106)
  func storeDoesSoWithAReopeningAfterEveryOperation(seed: UInt64) throws {
    let phone = try Phone.answering(seed: seed, policy: AttemptPolicy(maximumLocks: 4))
    var random = SplitMix(state: seed)
    var model = Model()
    for _ in 0..<60 {
      try step(phone, &model, &random)
      #expect(try phone.restart().quarantine == nil)
      try compare(phone, model)
    }
  }

  private func step(_ phone: Phone, _ model: inout Model, _ random: inout SplitMix) throws {
    let item = "q\(random.next() % 12)"
    let section = "s\(random.next() % 3)"
    switch random.next() % 40 {
    case 0...15: try answer(phone, &model, item, section, option: ["A", "B", "C", "D"][Int(random.next() % 4)])
    case 16...18: try clear(phone, &model, item)
    case 19...21:
      try expect(model.refusal) {
        _ = try phone.store.flag(item, isSet: true, in: phone.attempt, at: phone.moment())
      }
      if model.refusal == nil { model.flags.insert(item) }
    case 22: try leave(phone, &model, section)
    case 23...24: try lock(phone, &model)
    case 25...28: try unlock(phone, &model)
    case 29: try sealOrReopen(phone, &model)
    case 30...32: try phone.restart()
    case 33: phone.reboot()
    case 34...37: try acknowledge(phone, &random)
    default:
      let journal = try phone.journal
      if try phone.store.journalStatuses(of: phone.attempt).count < 12 {
        try phone.store.openSuccessor(of: journal.id, at: random.next() % (journal.last + 1), moment: phone.moment())
      }
    }
  }

  private func answer(_ phone: Phone, _ model: inout Model, _ item: String, _ section: String, option: String) throws {
    let refusal = model.refusal ?? (model.closed.contains(section) ? .sectionClosed : nil)
    try expect(refusal) { try phone.answer(item, option, section: section) }
    if refusal == nil { model.answers[item] = option }
  }

  private func clear(_ phone: Phone, _ model: inout Model, _ item: String) throws {
    try expect(model.refusal) { _ = try phone.store.clear(item, in: phone.attempt, at: phone.moment()) }
    if model.refusal == nil { model.answers[item] = nil }
  }

  private func leave(_ phone: Phone, _ model: inout Model, _ section: String) throws {
    if model.closed.contains(section) { return }
    try expect(model.refusal) { _ = try phone.store.leave(section: section, in: phone.attempt, at: phone.moment()) }
    if model.refusal == nil { model.closed.insert(section) }
  }

  private func lock(_ phone: Phone, _ model: inout Model) throws {
    if model.isLocked { return }
    try expect(model.isSealed ? .sealed : nil) {
      _ = try phone.store.lock(.call, in: phone.attempt, at: phone.moment())
    }
    if model.isSealed { return }
    model.locks += 1
    model.isLocked = true
    if model.locks >= 4 { seal(&model) }
  }

  private func unlock(_ phone: Phone, _ model: inout Model) throws {
    try expect(model.isSealed ? .sealed : model.isLocked ? nil : .notLocked) {
      _ = try phone.store.unlock(code: "12345678", in: phone.attempt, at: phone.moment()) { _, _ in true }
    }
    if !model.isSealed { model.isLocked = false }
  }

  private func sealOrReopen(_ phone: Phone, _ model: inout Model) throws {
    if model.isSealed {
      _ = try phone.store.reopen(sealOrdinal: model.sealOrdinal, of: phone.attempt, at: phone.moment())
      model.isSealed = false
    } else {
      let sealed = try phone.store.seal(phone.attempt, cause: .bell, at: phone.moment())
      #expect(sealed.statement.answers == Hash.sha256(sheet(model).canonicalBytes))
      seal(&model)
    }
  }

  private func seal(_ model: inout Model) {
    model.isSealed = true
    model.sealOrdinal += 1
  }

  private func acknowledge(_ phone: Phone, _ random: inout SplitMix) throws {
    let journals = try phone.store.journalStatuses(of: phone.attempt)
    let journal = journals[Int(random.next() % UInt64(journals.count))]
    let sequence = random.next() % (journal.end + 1)
    let result = try phone.acknowledge(sequence, of: journal.id)
    #expect(result.comparison == .matched && result.pending == journal.end - sequence)
    #expect(result.wentBack == (sequence < journal.greatestAcknowledged))
  }

  private func sheet(_ model: Model) -> AnswerSheet { AnswerSheet(model.answers.mapValues { .options([$0]) }) }

  private func compare(_ phone: Phone, _ model: Model) throws {
    let status = try phone.status
    #expect(try phone.store.answerSheet(of: phone.attempt) == sheet(model))
    #expect(Set(status.answers.filter(\.isFlagged).map(\.item)) == model.flags)
    #expect(status.counts.saved == model.answers.count)
    #expect(status.closedSections == model.closed)
    #expect(status.locks.count == Int(model.locks))
    let phase: AttemptState.Phase =
      model.isSealed ? .sealed(ordinal: model.sealOrdinal) : model.isLocked ? .locked(model.locks) : .answering
    #expect(status.phase == phase)
    let journals = try phone.store.journalStatuses(of: phone.attempt)
    #expect(status.pendingEntries == journals.reduce(0) { $0 + $1.pending })
    #expect(status.forkCount == journals.count - 1)
  }

  private func expect(_ code: ExamStoreError.Code?, _ body: () throws -> Void) throws {
    if let code { try refused(code, body) } else { try body() }
  }
}
