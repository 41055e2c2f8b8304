import ExamModel

/// An entry of a kind that changes nothing but answers, flags or nothing, and of which alone no verdict depends on
/// the entry before it.
package struct PlainEntry: Hashable, Sendable {
  package enum Action: Hashable, Sendable {
    /// Exactly one option was chosen; ``PlainEntry/option`` names it.
    case choose
    /// Any other answer: its place among ``PlainRun/values``.
    case write(Int32)
    case clear
    case flag
    case visit
  }

  package var item: ShortText
  package var option: ShortText
  package var action: Action
}

/// The entries of a push that has none but plain ones.
///
/// Only the form that devices write is read here: each field once, in the order of its number. Everything else,
/// unreadable entries among it, is left to the codec. What is read here the codec reads in the same way.
package struct PlainRun: Hashable, Sendable {
  /// One for each body, in their order.
  package private(set) var entries: [PlainEntry] = []
  /// The answers that are more than one option.
  package private(set) var values: [AnswerValue] = []
  /// Boot time over all entries.
  package private(set) var bootDeltaMilliseconds: UInt64 = 0

  /// `nil` where one body is not plain.
  package init?(_ bodies: PackedBodies) {
    var run = PlainRun()
    run.entries = Array(unsafeUninitializedCapacity: bodies.count) { buffer, initialized in
      let isPlain = bodies.allBodies { body in
        guard let entry = run.read(body) else { return false }
        buffer.initializeElement(at: initialized, to: entry)
        initialized += 1
        return true
      }
      // An entry owns nothing, so there is nothing to give back.
      if !isPlain { initialized = 0 }
    }
    guard !run.entries.isEmpty else { return nil }
    self = run
  }

  private init() {}

  /// `nil`: the body is not plain.
  private mutating func read(_ body: UnsafeRawBufferPointer) -> PlainEntry? {
    var scanner = WireScanner(body)
    guard let delta = scanner.optionalVarint(tag: 0x08), delta < Self.longestDelta,
      scanner.optionalVarint(tag: 0x10) != nil, let tag = scanner.byte(), let content = scanner.length(),
      scanner.left == content
    else { return nil }
    let entry: PlainEntry?
    switch tag {
    case 0x32: entry = answer(&scanner, body)
    case 0x3A: entry = Self.named(&scanner, count: content, .clear)
    case 0x42: entry = Self.flag(&scanner)
    case 0x4A: entry = Self.named(&scanner, count: content, .visit)
    default: return nil
    }
    guard scanner.left == 0 else { return nil }
    // At most 256 entries of less than 2^39 each.
    bootDeltaMilliseconds += delta
    return entry
  }

  /// Ten years, as the codec has it.
  private static let longestDelta: UInt64 = 315_360_000_000

  private mutating func answer(_ scanner: inout WireScanner, _ body: UnsafeRawBufferPointer) -> PlainEntry? {
    guard scanner.byte() == 0x0A, let item = scanner.shortText(), let tag = scanner.byte() else { return nil }
    guard tag == 0x12 else {
      // Lists and texts are the codec's to read, UTF-8 and all.
      guard let decoded = try? Entry(wire: Array(body)), case .answer(let named, let value) = decoded.kind,
        ShortText(named.utf8) == item
      else { return nil }
      scanner.skipToEnd()
      values.append(value)
      return PlainEntry(item: item, option: .empty, action: .write(Int32(values.count - 1)))
    }
    guard let option = scanner.shortText() else { return nil }
    return PlainEntry(item: item, option: option, action: .choose)
  }

  private static func named(
    _ scanner: inout WireScanner, count: Int, _ action: PlainEntry.Action
  ) -> PlainEntry? {
    guard let item = scanner.shortText(count: count) else { return nil }
    return PlainEntry(item: item, option: .empty, action: action)
  }

  private static func flag(_ scanner: inout WireScanner) -> PlainEntry? {
    guard scanner.byte() == 0x0A, let item = scanner.shortText() else { return nil }
    if scanner.left > 0 {
      guard scanner.byte() == 0x10, let value = scanner.byte(), value <= 1 else { return nil }
    }
    return PlainEntry(item: item, option: .empty, action: .flag)
  }
}
