import ExamModel
import SyncCore
import SyncProtocol
import SyncWire

/// What the load generator knows of one device: its session, and the journal it writes.
struct BenchPhone: Sendable {
  let session: BenchSession
  let attempt: ID128
  let lease: UInt32
  let journal: ID128
  private(set) var sequence: UInt64 = 0
  private(set) var head: Digest256
  private var generator: SeededGenerator
  private var text: BenchText

  /// - Parameter deviceKey: the public key of the session's device.
  init(session: BenchSession, attempt: ID128, lease: UInt32, deviceKey: [UInt8], seed: UInt64) {
    self.session = session
    self.attempt = attempt
    self.lease = lease
    journal = .random()
    head = Chain.genesis(journal: journal, subject: attempt, deviceKey: KeyID.of(deviceKey))
    generator = SeededGenerator(seed: seed)
    text = BenchText(seed: seed)
  }

  /// One push, encoded as its message.
  struct EncodedPush {
    var message: [UInt8]
    var sequence: UInt64
    var head: Digest256
  }

  /// The journal's first push: opened, and the exam started.
  mutating func opening() -> EncodedPush {
    let instant = UInt64(1_000_000)
    let boot = ID128.random(using: &generator)
    let opening = Opening(
      nonce: .random(using: &generator), bootID: boot, bootMilliseconds: instant,
      wallMilliseconds: Int64(WallClock.milliseconds), leaseOrdinal: lease, appVersion: "3.4.2")
    let start = Entry(bootDeltaMilliseconds: 900, kind: .start(Start(code: "", paperVersion: 1)))
    return push([Entry(kind: .open(opening)).wire, start.wire])
  }

  /// The next answers of the journal.
  mutating func answers(_ count: Int) -> EncodedPush {
    var bodies: [[UInt8]] = []
    bodies.reserveCapacity(count)
    for _ in 0..<count { bodies.append(answer()) }
    return push(bodies)
  }

  /// One answer: an option of q1, q2, q3 …, and now and then a text; some seconds after the one before.
  mutating func answer() -> [UInt8] {
    let number = Int.random(in: 1...BenchPaper.itemCount, using: &generator)
    let isText = BenchPaper.isText(number) && Int.random(in: 0..<4, using: &generator) == 0
    let item = isText || !BenchPaper.isText(number) ? number : number - 1
    let value: AnswerValue =
      isText
      ? .text(text.characters(Int.random(in: 20...120, using: &generator)))
      : .options([["A", "B", "C", "D", "E"][Int.random(in: 0..<5, using: &generator)]])
    let delta = UInt64.random(in: 1_500...90_000, using: &generator)
    return Entry(bootDeltaMilliseconds: delta, kind: .answer(item: "q\(item)", value: value)).wire
  }

  private mutating func push(_ bodies: [[UInt8]]) -> EncodedPush {
    let first = sequence + 1
    for body in bodies {
      sequence += 1
      head = Chain.next(head, sequence: sequence, body: body)
    }
    let push = Push(
      journal: journal, subject: first == 1 ? attempt : nil, first: first, bodies: bodies, head: head, lease: lease)
    return EncodedPush(message: SyncRequest(pushes: [push]).wire, sequence: sequence, head: head)
  }

  /// Goes back to where the server is: what was encoded above is given up.
  mutating func rewind(to sequence: UInt64, head: Digest256) {
    self.sequence = sequence
    self.head = head
  }
}
