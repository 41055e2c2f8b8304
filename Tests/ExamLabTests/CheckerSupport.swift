import ExamModel
import ExamStore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamLab

/// A history and a dump that belong together.
struct JudgedCase: Sendable {
  var history: [HistoryEvent]
  var world: WorldDump

  /// Nothing is wrong with this one.
  static let good: Result<JudgedCase, any Error> = Result {
    let room = try CheckerRoom.finished()
    return JudgedCase(history: room.history, world: try room.dump())
  }

  func check(_ checker: any Checker) -> Finding { checker.check(Evidence(history: history, world: world)) }

  // MARK: Places to break

  func index(where matches: (HistoryEvent) -> Bool) throws -> Int {
    let found = history.firstIndex(where: matches)
    return try #require(found)
  }

  /// The last save of an item on a phone.
  func save(of item: String, on phone: Int) throws -> (event: Int, journal: ID128, sequence: UInt64) {
    for (index, event) in history.enumerated().reversed() where event.node == .phone(phone) {
      if case .saved(let journal, let sequence, _, let name, _) = event.fact, name == item {
        return (index, journal, sequence)
      }
    }
    throw Problem(.notFound, "item \(item) was never saved")
  }

  mutating func append(_ node: SimNode, _ fact: Fact) {
    history.append(HistoryEvent((history.last?.trueMilliseconds ?? 0) + 10, node, fact))
  }

  /// Changes one body on a phone and makes the rows after it fit, as a careful forger would.
  mutating func rewrite(phone: Int, sequence: UInt64, as kind: EntryKind) {
    var contents = world.phones[phone].journals[0]
    contents.entries[Int(sequence) - 1].body = Entry(kind: kind).wire
    var head = Chain.genesis(
      journal: contents.status.id, subject: contents.status.attempt, deviceKey: contents.deviceKey)
    for index in contents.entries.indices {
      head = Chain.next(head, sequence: UInt64(index) + 1, body: contents.entries[index].body)
      contents.entries[index].head = head
    }
    contents.status.head = head
    world.phones[phone].journals[0] = contents
  }
}

/// Breaks the good world in one place and expects the checker to say so, in words.
func finds(
  _ checker: any Checker, sourceLocation: SourceLocation = #_sourceLocation,
  _ breaks: (inout JudgedCase) throws -> Void
) throws {
  var broken = try JudgedCase.good.get()
  #expect(broken.check(checker).violations.isEmpty, sourceLocation: sourceLocation)
  try breaks(&broken)
  let violations = broken.check(checker).violations
  #expect(!violations.isEmpty, sourceLocation: sourceLocation)
  for violation in violations {
    #expect(violation.invariant == checker.invariant, sourceLocation: sourceLocation)
    #expect(
      !violation.what.isEmpty && !violation.expected.isEmpty && !violation.found.isEmpty,
      sourceLocation: sourceLocation)
  }
}
