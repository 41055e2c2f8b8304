import ExamModel
import Foundation
import ServerCore
import ServerStoreSQLite
import SyncCore
import SyncProtocol
import SyncWire

/// What an exam is like; runs of one shape share a server store that was made once.
struct SimShape: Hashable, Sendable {
  var candidates: Int
  var questions: Int
  var variant: Variant

  enum Variant: Int, Hashable, Sendable, CaseIterable {
    /// Until the bell; two sections that can be entered again.
    case plain
    /// Each candidate has an own time from the start.
    case ownTime
    /// An information form, and a restart of the app locks.
    case strict
    /// The first section cannot be entered again.
    case oneWay
  }

  /// True milliseconds at which the exam opens.
  static let opensAt: Int64 = 180_000
  /// How long a question is meant to take.
  static let questionMilliseconds: Int64 = 15_000

  var closesAt: Int64 { Self.opensAt + Int64(questions) * Self.questionMilliseconds + 120_000 }
}

/// A candidate on the roster.
struct SimPerson: Hashable, Sendable {
  var username: String
  var password: String
  var candidate: ID128
  var attempt: ID128
}

/// An exam that was published: its paper, its people, and the server's disk as it was then.
struct SimExam: Sendable {
  let shape: SimShape
  let exam: ID128
  let people: [SimPerson]
  let paper: Paper
  /// ``PaperContent/digest(_:)`` of the paper.
  let content: Digest256
  let paperKey: [UInt8]
  let blobs: [Digest256: [UInt8]]
  let image: DiskImage
  /// Some bytes of the paper's text that nobody may see before the exam opens.
  let canary: [UInt8]
  let durationMilliseconds: Int64?

  static let code = "042917"
  static let serverFile = "server.db"
  static let identity = SigningKey(seed: [UInt8](repeating: 0x53, count: 32)).unsafelyUnwrapped
  static let operatorIdentity = OperatorIdentity(name: "simulator", role: .operator)

  static func configuration() -> ServerConfiguration {
    var configuration = ServerConfiguration()
    configuration.codeScryptRounds = codeRounds
    return configuration
  }

  /// The least that scrypt takes: what is tested here is not scrypt.
  static let codeRounds = 2

  /// Publishes an exam on a new store on this disk.
  static func publish(_ shape: SimShape, on disk: VirtualDisk) throws -> SimExam {
    var generator = SeededGenerator(seed: UInt64(shape.questions) << 16 | UInt64(shape.variant.rawValue))
    let now = SimClock.epoch - 60_000
    let store = try SimServer.openStore(on: disk)
    var draws = SeededGenerator(seed: 0xD12A)
    let core = try ServerCore(
      store: store, identity: identity, node: identity.id, configuration: configuration(), now: now,
      randomness: { draws.next() })
    func run(_ command: OperatorCommand) throws -> OperatorResult {
      switch core.perform([.command(command, by: operatorIdentity)], now: now).replies[0] {
      case .done(let result): return result
      case .problem(let problem): throw problem
      default: throw Problem(.internal, "not the reply of a command")
      }
    }
    guard case .exam(let summary) = try run(.createExam(draft(shape))) else { throw Problem(.internal, "no exam") }
    let paper = SimPaper.make(shape)
    let key = (0..<32).map { UInt8(truncatingIfNeeded: 0x11 &* $0 &+ 7) }
    let parts = try paper.publicationParts(assets: [:]).map { (name: $0.name, plaintext: $0.plaintext) }
    let published = try PaperPublisher.publish(
      id: paper.id, version: 1, parts: parts, key: key, previous: nil, using: &generator)
    _ = try run(
      .publishPaper(
        exam: summary.exam,
        paper: PublishedPaper(
          version: 1, manifest: published.manifest, packs: published.packs, key: key, keyCheck: published.keyCheck,
          parts: published.parts, items: PaperItem.index(of: paper))))
    let people = try enrol(shape, in: summary.exam, using: &generator, run)
    try store.close()
    return SimExam(
      shape: shape, exam: summary.exam, people: people, paper: paper, content: try PaperContent.digest(paper),
      paperKey: key, blobs: published.blobs,
      image: disk.snapshot(), canary: Array(SimPaper.canary.utf8),
      durationMilliseconds: draft(shape).durationMilliseconds)
  }

  private static func draft(_ shape: SimShape) -> ExamDraft {
    var policy = ExamPolicy()
    var duration: Int64?
    switch shape.variant {
    case .plain, .oneWay: break
    case .ownTime: duration = shape.closesAt - SimShape.opensAt - 60_000
    case .strict:
      policy.restartLocks = true
      policy.informationFields = ["name"]
    }
    return ExamDraft(
      title: "Simulated exam", opensAt: SimClock.epoch + SimShape.opensAt, closesAt: SimClock.epoch + shape.closesAt,
      durationMilliseconds: duration, policy: policy, code: code)
  }

  /// The name of a candidate, which nobody else may be told.
  static func name(_ number: Int) -> String {
    let digits = String(number)
    return "Candidate-" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "-of-the-roster"
  }

  private static func enrol(
    _ shape: SimShape, in exam: ID128, using generator: inout SeededGenerator,
    _ run: (OperatorCommand) throws -> OperatorResult
  ) throws -> [SimPerson] {
    let preparer = RosterPreparer(identity: identity, codeScryptRounds: codeRounds, passwordScryptRounds: codeRounds)
    var rows: [PreparedRosterRow] = []
    for number in 1...shape.candidates {
      let line = RosterPreparer.Line(
        number: "N\(number)", name: name(number), username: "c\(number)", password: "secret\(number)",
        specialty: "", room: "1")
      guard let row = preparer.prepare(line, examCode: code, maximumLocks: 5, using: &generator) else {
        throw Problem(.internal, "no roster row")
      }
      rows.append(row)
    }
    guard case .roster(let outcome) = try run(.importRoster(exam: exam, rows: rows)) else {
      throw Problem(.internal, "no roster")
    }
    return outcome.rows.enumerated().map { index, row in
      SimPerson(
        username: row.username, password: "secret\(index + 1)", candidate: row.candidate, attempt: row.attempt)
    }
  }
}

/// A paper of plain questions, with a text that must not get out early.
enum SimPaper {
  static let canary = "CANARY-OF-THE-SIMULATED-PAPER"
  static let options = ["A", "B", "C", "D", "E"]

  static func make(_ shape: SimShape) -> Paper {
    let items = (1...shape.questions).map(item)
    let half = max(1, shape.questions / 2)
    var sections = [
      PaperSection(
        id: "one", title: "One", canGoBack: shape.variant != .oneWay, shufflesItems: true, shufflesOptions: true,
        items: Array(items[..<half]))
    ]
    if half < items.count { sections.append(PaperSection(id: "two", title: "Two", items: Array(items[half...]))) }
    return Paper(id: "simulated", version: 1, title: "Simulated", language: "en", sections: sections)
  }

  private static func item(_ number: Int) -> Item {
    let stem = "\(canary) \(number)"
    let options = Self.options.map { ItemOption(id: $0, text: "Finding \($0) of case \(number)") }
    switch number % 10 {
    case 0: return Item(id: "q\(number)", kind: .essay(maximumCharacters: 2_000), stem: stem)
    case 4: return Item(id: "q\(number)", kind: .multiple, stem: stem, options: options)
    case 7: return Item(id: "q\(number)", kind: .numeric(unit: nil), stem: stem)
    default: return Item(id: "q\(number)", kind: .singleBest(.a1), stem: stem, options: options)
    }
  }

  /// One of an item's possible answers; `variant` chooses.
  static func value(_ number: Int, variant: Int) -> AnswerValue {
    switch number % 10 {
    case 0: .text("Essay \(number), thought \(variant): " + String(repeating: "word ", count: variant % 40))
    case 4:
      .options(
        [options[variant % 5], options[(variant / 5 + variant + 1) % 5]].sorted().reduce(into: []) {
          if $0.last != $1 { $0.append($1) }
        })
    case 7: .number("\(variant % 1_000 + 1)")
    default: .options([options[variant % 5]])
    }
  }
}

/// Exams that were published in this process, by shape.
///
/// `@unchecked Sendable`: the dictionary is read and written under the lock.
final class SimExamShelf: @unchecked Sendable {
  static let shared = SimExamShelf()
  private let lock = NSLock()
  private var exams: [SimShape: SimExam] = [:]

  func exam(_ shape: SimShape) throws -> SimExam {
    try lock.withLock {
      if let known = exams[shape] { return known }
      let disk = VirtualDisk(decisions: Decisions(seed: 0, plan: []), node: 0)
      defer { disk.close() }
      let exam = try SimExam.publish(shape, on: disk)
      exams[shape] = exam
      return exam
    }
  }
}
