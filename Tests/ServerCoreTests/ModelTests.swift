import ExamModel
import ServerStoreSQLite
import SyncProtocol
import SyncWire
import Testing

@testable import ServerCore

/// Random pushes, repeated, overlapping, cut, late and altered, against a model of the log (I5, I6, I7).
@Suite struct ModelTests {
  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func theServersLogIsAPrefixOfWhatThePhoneWrote(seed: UInt64) throws {
    var random = SplitMix(seed &* 77_777)
    let server = try TestServer()
    let phone = try server.makePhone(seed: seed)
    phone.begin()
    var stored: UInt64 = 0
    var verdicts: [UInt64: [KeptRange]] = [:]
    for _ in 0..<120 {
      for _ in 0..<Int.random(in: 0...3, using: &random) { write(phone, &random) }
      guard stored < phone.journal.sequence || Bool.random(using: &random) else { continue }
      let answer: Acknowledgement
      if Int.random(in: 0..<8, using: &random) == 0 {
        answer = try phone.send(altered(phone, stored: stored, &random))
        #expect(answer.verdict == .diverged)
        #expect(answer.sequence == stored)
      } else {
        let first = UInt64.random(in: 1...min(phone.journal.sequence, stored + 2), using: &random)
        let last = UInt64.random(in: first...phone.journal.sequence, using: &random)
        answer = try phone.send(phone.push(from: first, to: last))
        if first > stored + 1 || (stored == 0 && first > 1) {
          #expect(answer.verdict == (stored == 0 ? .unknownJournal : .gap))
        } else {
          #expect(answer.verdict == (last > stored ? .stored : .duplicate))
          stored = max(stored, last)
          for sequence in first...last {
            let kept = answer.kept.filter { $0.from <= sequence && sequence <= $0.to }
              .map { KeptRange(from: sequence, to: sequence, reason: $0.reason) }
            if let before = verdicts[sequence] { #expect(before == kept) }
            verdicts[sequence] = kept
          }
        }
        if answer.verdict != .unknownJournal { #expect(answer.sequence == stored) }
      }
      if stored > 0, answer.verdict != .unknownJournal { #expect(answer.head == phone.journal.heads[Int(stored)]) }
      if Int.random(in: 0..<25, using: &random) == 0 { try server.restart() }
    }
    try checkLog(of: server, phone, stored: stored)
    try checkAnswers(of: phone, stored: stored, verdicts: verdicts)
  }

  private func write(_ phone: TestPhone, _ random: inout SplitMix) {
    switch Int.random(in: 0..<10, using: &random) {
    case 0: phone.answer("q1", "zzz")
    case 1: phone.append(.clear(item: "q1"))
    case 2: phone.append(.visit(item: "q2"))
    case 3: phone.context()
    case 4: phone.journal.append([0xFF, UInt8.random(in: 0...255, using: &random)])
    default:
      let item = ["q1", "q2"].randomElement(using: &random) ?? "q1"
      phone.answer(item, ["a", "b", "c"].randomElement(using: &random) ?? "a")
    }
  }

  /// A push with one stored body changed and a head that fits it; of a journal that is not there yet, one whose
  /// head does not fit.
  private func altered(_ phone: TestPhone, stored: UInt64, _ random: inout SplitMix) -> Push {
    var fake = phone.journal
    guard stored > 0 else {
      var push = phone.push()
      push.head = Hash.sha256(push.head.bytes)
      return push
    }
    let index = Int.random(in: 0..<Int(stored), using: &random)
    fake.bodies[index] += [0x08, 0x01]
    for position in index..<fake.bodies.count {
      fake.heads[position + 1] = Chain.next(
        fake.heads[position], sequence: UInt64(position + 1), body: fake.bodies[position])
    }
    let first = UInt64.random(in: 1...UInt64(index + 1), using: &random)
    return phone.push(from: first, to: UInt64.random(in: UInt64(index + 1)...fake.sequence, using: &random), of: fake)
  }

  private func checkLog(of server: TestServer, _ phone: TestPhone, stored: UInt64) throws {
    guard stored > 0 else { return }
    let row = try #require(try server.store.journal(phone.journal.id))
    var segments: [SegmentRow] = []
    try server.core.forEachSegment(of: row, backFrom: row.lastSegment) { segment in
      segments.append(segment)
      return true
    }
    var bodies: [[UInt8]] = []
    var next: UInt64 = 1
    for segment in segments.reversed() {
      #expect(segment.first == next)
      #expect(segment.headBefore == phone.journal.heads[Int(next - 1)])
      SegmentBytes.forEach(segment.bytes) { bodies.append($0) }
      next = segment.last + 1
      #expect(segment.headAfter == phone.journal.heads[Int(segment.last)])
    }
    #expect(bodies == Array(phone.journal.bodies[..<Int(stored)]))
  }

  private func checkAnswers(of phone: TestPhone, stored: UInt64, verdicts: [UInt64: [KeptRange]]) throws {
    var sheet = AnswerSheet()
    for (index, body) in phone.journal.bodies[..<Int(stored)].enumerated() {
      guard verdicts[UInt64(index) + 1]?.isEmpty ?? true, let entry = try? Entry(wire: body) else { continue }
      switch entry.kind {
      case .answer(let item, let value): sheet.set(value, for: item)
      case .clear(let item): sheet.clear(item)
      default: break
      }
    }
    #expect(try phone.exported().digest == Hash.sha256(sheet.canonicalBytes))
  }
}
