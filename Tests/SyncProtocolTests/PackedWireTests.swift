import ExamModel
import SyncProtocol
import SyncWire
import Testing

/// The server's own reading of requests and plain entries, against the generated codec.
@Suite struct PackedWireTests {
  /// Reproducible randomness.
  private struct Draw: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
    }
  }

  /// What devices write most: answers, clearings, flags and visits.
  private static func isWrittenOften(_ kind: EntryKind) -> Bool {
    switch kind {
    case .answer, .clear, .flag, .visit: true
    default: false
    }
  }

  private static let plainKinds: [EntryKind] =
    Fixed.entries.map(\.kind).filter(isWrittenOften) + [
      .answer(item: "q1", value: .options(["A"])),
      .answer(item: "item-of-fifteen", value: .options(["option15-option"])),
      .answer(item: "q1", value: .options(["A", "B"])), .answer(item: "q1", value: .options([])),
      .answer(item: "q2", value: .text("fièvre")), .answer(item: "q2", value: .text("")),
      .answer(item: "q3", value: .blanks(["", "x"])), .answer(item: "q4", value: .number("-12.5")),
      .clear(item: "q9"), .flag(item: "q1", isSet: true), .flag(item: "q1", isSet: false), .visit(item: "q2"),
    ]

  private static let otherKinds: [EntryKind] =
    Fixed.entries.map(\.kind).filter { !isWrittenOften($0) } + [
      .answer(item: "", value: .options(["A"])), .answer(item: "item-of-sixteen-", value: .options(["A"])),
      .answer(item: "é", value: .options(["A"])), .answer(item: "q1", value: .options([""])), .clear(item: ""),
      .sectionLeft(section: "s1"), .lock(LockFact(number: 1, cause: .call)), .grantSeen(number: 3), .unknown,
      .information([InformationField(name: "phone", value: "138")]), .reopened(sealOrdinal: 1),
      .seal(SignedStatement(statement: [1], signature: [2])), .visit(item: ""), .flag(item: "", isSet: true),
    ]

  /// What the codec makes of a body that was read as plain.
  private func expectAgreement(_ body: [UInt8]) {
    guard let run = PlainRun(PackedBodies([body])) else { return }
    guard let entry = try? Entry(wire: body), run.entries.count == 1 else {
      Issue.record("read as plain, but the codec does not read it: \(Hex.encode(body))")
      return
    }
    #expect(run.bootDeltaMilliseconds == entry.bootDeltaMilliseconds)
    let plain = run.entries[0]
    let kind: EntryKind
    switch plain.action {
    case .choose: kind = .answer(item: plain.item.text, value: .options([plain.option.text]))
    case .write(let place): kind = .answer(item: plain.item.text, value: run.values[Int(place)])
    case .clear: kind = .clear(item: plain.item.text)
    case .visit: kind = .visit(item: plain.item.text)
    case .flag:
      guard case .flag(_, let isSet) = entry.kind else {
        Issue.record("no flag: \(entry)")
        return
      }
      kind = .flag(item: plain.item.text, isSet: isSet)
    }
    #expect(entry.kind == kind, "\(Hex.encode(body))")
  }

  @Test func whatDevicesWriteIsPlain() {
    for kind in Self.plainKinds {
      for delta: UInt64 in [0, 1, 127, 128, 90_000, 315_359_999_999] {
        let body = Entry(bootDeltaMilliseconds: delta, wallDriftMilliseconds: delta > 100 ? -3_000 : 0, kind: kind).wire
        #expect(PlainRun(PackedBodies([body])) != nil, "\(kind)")
        expectAgreement(body)
      }
    }
  }

  @Test func everythingElseIsLeftToTheCodec() {
    for kind in Self.otherKinds {
      #expect(PlainRun(PackedBodies([Entry(kind: kind).wire])) == nil, "\(kind)")
    }
    #expect(PlainRun(PackedBodies([])) == nil)
    #expect(PlainRun(PackedBodies([[]])) == nil)
    let answer = Entry(kind: Self.plainKinds[0]).wire
    #expect(PlainRun(PackedBodies([answer, [0xFF]])) == nil)
    #expect(
      PlainRun(PackedBodies([Entry(bootDeltaMilliseconds: 315_360_000_000, kind: .visit(item: "q")).wire])) == nil)
    // A second kind replaces the first one, and a second item the first item.
    #expect(PlainRun(PackedBodies([answer + answer])) == nil)
    #expect(PlainRun(PackedBodies([[0x32, 0x0A, 0x0A, 0x01, 0x61, 0x22, 0x01, 0x62, 0x0A, 0x01, 0x63]])) == nil)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func alteredEntriesAreReadAlikeOrNotAsPlain(seed: UInt64) {
    var draw = Draw(state: seed)
    let bodies = (Self.plainKinds + Self.otherKinds).map { Entry(bootDeltaMilliseconds: 1_500, kind: $0).wire }
    for _ in 0..<4_000 {
      var body = bodies.randomElement(using: &draw) ?? []
      for _ in 0..<Int.random(in: 1...3, using: &draw) { Self.alter(&body, &draw) }
      expectAgreement(body)
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func alteredRequestsAreReadAlikeOrRefusedAlike(seed: UInt64) {
    var draw = Draw(state: seed &* 31)
    let requests = Self.requests(&draw).map(\.wire)
    for _ in 0..<800 {
      var wire = requests.randomElement(using: &draw) ?? []
      for _ in 0..<Int.random(in: 0...2, using: &draw) { Self.alter(&wire, &draw) }
      let codec = Result { try SyncRequest(wire: wire) }
      let packed = Result { try PackedRequest(wire: wire) }
      switch (codec, packed) {
      case (.success(let request), .success(let packed)):
        let expected = PackedRequest(request)
        #expect(packed.pushes == expected.pushes && packed.rest == expected.rest)
        for (push, original) in zip(packed.pushes, request.pushes) {
          var bodies: [[UInt8]] = []
          push.bodies.forEach { bodies.append(Array($0)) }
          #expect(bodies == original.bodies)
        }
      case (.failure(let one), .failure(let other)): #expect(one as? WireError == other as? WireError)
      default: Issue.record("read by one and refused by the other: \(Hex.encode(wire))")
      }
    }
  }

  @Test func bodiesKeepTheirPlaces() {
    let bodies: [[UInt8]] = [[1, 2, 3], [], [4], Array(repeating: 7, count: 300)]
    let packed = PackedBodies(bodies)
    #expect(packed.count == 4 && packed.longest == 300 && packed.bodyBytes == 304)
    for (index, body) in bodies.enumerated() { #expect(packed.body(index) == body) }
    #expect(packed.suffix(from: 2) == PackedBodies(Array(bodies[2...])).bytes)
    #expect(packed.suffix(from: 4) == [])
    var head = Fixed.heads[0]
    for (index, body) in bodies.enumerated() {
      #expect(packed.head(after: index, from: Fixed.heads[0], first: 9) == head)
      head = Chain.next(head, sequence: 9 + UInt64(index), body: body)
    }
    #expect(packed.head(after: 4, from: Fixed.heads[0], first: 9) == head)
  }

  // MARK: Helpers

  private static func alter(_ bytes: inout [UInt8], _ draw: inout Draw) {
    guard let place = bytes.indices.randomElement(using: &draw) else { return }
    switch Int.random(in: 0..<5, using: &draw) {
    case 0: bytes[place] = UInt8.random(in: 0...255, using: &draw)
    case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &draw)
    case 2: bytes.remove(at: place)
    case 3: bytes.insert([0x0A, 0x12, 0x08, 0x80, 0x01, 0x00].randomElement(using: &draw) ?? 0, at: place)
    default: bytes += bytes[place...].prefix(9)
    }
  }

  private static func requests(_ draw: inout Draw) -> [SyncRequest] {
    func push(_ first: UInt64, _ bodies: [[UInt8]], lease: UInt32 = 1) -> Push {
      Push(
        journal: Fixed.journal, subject: first == 1 ? Fixed.attempt : nil, first: first, bodies: bodies,
        head: Fixed.heads[1], lease: lease)
    }
    let answers = plainKinds.map { Entry(bootDeltaMilliseconds: 9, kind: $0).wire }
    return [
      SyncRequest(pushes: [push(7, answers)]), SyncRequest(pushes: [push(1, Fixed.entries.map(\.wire))]),
      SyncRequest(pushes: [push(3, [answers[0]]), push(900, [answers[1], [1]], lease: 0)]), SyncRequest(),
      SyncRequest(pushes: [push(5, answers)], scopes: [ScopeCursor(scope: Fixed.attempt, cursor: .start)]),
      SyncRequest(pushes: [push(5, answers)], waitMilliseconds: 70_000, appVersion: "3.4.2"),
      SyncRequest(pushes: [push(5, [])]), SyncRequest(pushes: [push(0, answers)]), SyncRequest(pushes: [push(2, [[]])]),
      SyncRequest(pushes: [push(5, Array(repeating: answers[0], count: Limits.pushEntries + 1))]),
      SyncRequest(pushes: Array(repeating: push(5, [answers[0]]), count: Limits.pushesPerRequest + 1)),
    ]
  }
}
