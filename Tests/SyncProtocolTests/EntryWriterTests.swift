import ExamModel
import SyncProtocol
import SyncWire
import Testing

/// What devices write by hand, against the generated codec: the chain is over these bytes.
@Suite struct EntryWriterTests {
  private static let texts = [
    "", "A", "q1", "fièvre", "发热三天", String(repeating: "x", count: 127), String(repeating: "y", count: 128),
    String(repeating: "长", count: 5_500), String(repeating: "z", count: 16_384),
  ]

  private static var kinds: [EntryKind] {
    var kinds: [EntryKind] = Fixed.entries.map(\.kind) + [.unknown, .sectionLeft(section: "s1")]
    for text in texts {
      kinds += [
        .clear(item: text), .visit(item: text), .flag(item: text, isSet: true), .flag(item: text, isSet: false),
        .answer(item: text, value: .options([])), .answer(item: "q1", value: .options([text])),
        .answer(item: text, value: .options(["A", text])), .answer(item: "q1", value: .options(texts)),
        .answer(item: text, value: .text(text)), .answer(item: "q1", value: .blanks([text, ""])),
        .answer(item: "q1", value: .blanks([])), .answer(item: text, value: .number("-12.5")),
      ]
    }
    return kinds
  }

  @Test(arguments: [
    (UInt64(0), Int64(0)), (1, -1), (127, 1), (128, 2_500), (16_384, -2_500), (315_359_999_999, .max), (4_000, .min),
  ])
  func bytesAreThoseOfTheGeneratedCodec(delta: UInt64, drift: Int64) throws {
    for kind in Self.kinds {
      let entry = Entry(bootDeltaMilliseconds: delta, wallDriftMilliseconds: drift, kind: kind)
      #expect(entry.wire == entry.generatedWire, "\(kind)")
      #expect(try Entry(wire: entry.wire) == entry)
    }
  }
}
