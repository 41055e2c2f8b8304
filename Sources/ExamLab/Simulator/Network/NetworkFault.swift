import SyncCore

/// What becomes of one message, as the value of a decision: the kind in the low byte, a number above it.
struct NetworkFault: Hashable {
  enum Kind: Int64, CaseIterable {
    case none = 0
    /// Nobody hears of it; the sender waits until its patience ends.
    case lost = 1
    /// The connection is reset under it.
    case reset = 2
    /// Comes late by `number` milliseconds, perhaps after its sender gave up.
    case delayed = 3
    /// Delivered, and delivered again `number` milliseconds later.
    case duplicated = 4
    /// Some bit is another one when it arrives.
    case corrupted = 5
    /// A captive portal answers with its own page.
    case portal = 6
    /// A proxy answers 502 with HTML.
    case badGateway = 7
    /// Somebody answers 503 with `Retry-After: number`.
    case unavailable = 8
    /// Somebody answers 429 with `Retry-After: number`.
    case tooMany = 9
    /// Only a part of it arrives.
    case truncated = 10
  }

  var kind: Kind
  var number: Int64

  static let none = NetworkFault(kind: .none, number: 0)

  init(kind: Kind, number: Int64) {
    self.kind = kind
    self.number = number
  }

  init(decision value: Int64) {
    kind = Kind(rawValue: value & 0xFF) ?? .none
    number = value >> 8
  }

  var decision: Int64 { number << 8 | kind.rawValue }

  /// Draws what becomes of a request.
  static func request(_ generator: inout SeededGenerator, perMillion: Int64) -> Int64 {
    draw(
      &generator, perMillion: perMillion,
      [.lost, .reset, .delayed, .duplicated, .corrupted, .portal, .badGateway, .unavailable, .tooMany, .truncated])
  }

  /// Draws what becomes of a response.
  static func response(_ generator: inout SeededGenerator, perMillion: Int64) -> Int64 {
    draw(&generator, perMillion: perMillion, [.lost, .lost, .reset, .delayed, .corrupted, .truncated])
  }

  private static func draw(_ generator: inout SeededGenerator, perMillion: Int64, _ kinds: [Kind]) -> Int64 {
    guard generator.number(in: 0...999_999) < perMillion else { return 0 }
    let kind = kinds[Int(generator.number(in: 0...Int64(kinds.count - 1)))]
    let number: Int64 =
      switch kind {
      case .delayed: heavyTail(&generator, most: 120_000)
      case .duplicated: heavyTail(&generator, most: 600_000)
      case .unavailable, .tooMany: [0, 1, 5, 30, 120, 100_000][Int(generator.number(in: 0...5))]
      case .corrupted, .truncated: generator.number(in: 0...65_535)
      default: 0
      }
    return NetworkFault(kind: kind, number: number).decision
  }

  /// Mostly short, now and then very long.
  static func heavyTail(_ generator: inout SeededGenerator, most: Int64) -> Int64 {
    let bits = generator.number(in: 6...20)
    return min(most, generator.number(in: 1...(1 << bits)))
  }
}
