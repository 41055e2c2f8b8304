import ExamModel

/// Writes the protobuf bytes of the entries that a device saves at every touch, without the generated messages between.
///
/// They are byte for byte what the generated codec writes; every other kind is left to it.
struct EntryWriter {
  private(set) var bytes: [UInt8] = []

  /// `nil` for a kind that is rare enough to go the long way.
  init?(_ entry: Entry) {
    switch entry.kind {
    case .answer(let item, let value):
      begin(entry, roomFor: item.utf8.count + Self.size(of: value) + 12)
      message(6, length: Self.size(ofOptional: item) + Self.size(of: value)) {
        $0.optionalText(1, item)
        $0.value(value)
      }
    case .flag(let item, let isSet):
      begin(entry, roomFor: item.utf8.count + 6)
      message(8, length: Self.size(ofOptional: item) + (isSet ? 2 : 0)) {
        $0.optionalText(1, item)
        if isSet { $0.number(2, 1) }
      }
    case .clear(let item):
      begin(entry, roomFor: item.utf8.count)
      text(7, item)
    case .visit(let item):
      begin(entry, roomFor: item.utf8.count)
      text(9, item)
    default: return nil
    }
  }

  private mutating func begin(_ entry: Entry, roomFor count: Int) {
    bytes.reserveCapacity(count + 32)
    if entry.bootDeltaMilliseconds != 0 { number(1, entry.bootDeltaMilliseconds) }
    let drift = entry.wallDriftMilliseconds
    if drift != 0 { number(2, UInt64(bitPattern: drift << 1 ^ drift >> 63)) }
  }

  private mutating func value(_ value: AnswerValue) {
    switch value {
    case .options(let ids) where ids.count == 1: text(2, ids[0])
    case .options(let ids): list(3, ids)
    case .text(let text): self.text(4, text)
    case .blanks(let texts): list(5, texts)
    case .number(let text): self.text(6, text)
    }
  }

  // MARK: - Fields

  private mutating func number(_ field: UInt8, _ value: UInt64) {
    bytes.append(field << 3)
    varint(value)
  }

  private mutating func text(_ field: UInt8, _ text: String) {
    let utf8 = text.utf8
    bytes.append(field << 3 | 2)
    varint(UInt64(utf8.count))
    bytes.append(contentsOf: utf8)
  }

  /// A field outside a `oneof`: absent when it is empty.
  private mutating func optionalText(_ field: UInt8, _ text: String) {
    if !text.isEmpty { self.text(field, text) }
  }

  private mutating func list(_ field: UInt8, _ texts: [String]) {
    message(field, length: Self.size(ofList: texts)) { writer in
      for text in texts { writer.text(1, text) }
    }
  }

  private mutating func message(_ field: UInt8, length: Int, _ body: (inout EntryWriter) -> Void) {
    bytes.append(field << 3 | 2)
    varint(UInt64(length))
    body(&self)
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  // MARK: - Sizes of fields with a number below 16, with tag and length

  private static func size(of text: String) -> Int { size(ofLength: text.utf8.count) }

  private static func size(ofOptional text: String) -> Int { text.isEmpty ? 0 : size(of: text) }

  private static func size(ofList texts: [String]) -> Int { texts.reduce(0) { $0 + size(of: $1) } }

  private static func size(of value: AnswerValue) -> Int {
    switch value {
    case .options(let ids) where ids.count == 1: size(of: ids[0])
    case .options(let ids): size(ofLength: size(ofList: ids))
    case .text(let text), .number(let text): size(of: text)
    case .blanks(let texts): size(ofLength: size(ofList: texts))
    }
  }

  private static func size(ofLength count: Int) -> Int {
    var size = 2 + count
    var rest = count >> 7
    while rest > 0 {
      size += 1
      rest >>= 7
    }
    return size
  }
}
