import SyncCore

extension VirtualDisk {
  /// How the fates of one power cut lean. It weighs what is drawn and is no choice itself: a replay has the fates.
  private struct Leaning {
    private let style: UInt64
    private let edge: Int
    private var place = 0

    init(_ generator: inout SeededGenerator, operationCount: Int) {
      style = generator.next() % 6
      edge = Int(generator.next() % UInt64(operationCount + 1))
    }

    /// 0 kept, 1 dropped, above torn.
    mutating func draw(_ generator: inout SeededGenerator) -> Int64 {
      defer { place += 1 }
      let torn = 2 + Int64(generator.next() >> 16)
      let lot = generator.next() % 100
      func fate(kept: UInt64, dropped: UInt64) -> Int64 { lot < kept ? 0 : lot < kept + dropped ? 1 : torn }
      return switch style {
      case 0: fate(kept: 0, dropped: 100)
      // In the order in which it was written, up to an edge.
      case 1: place < edge ? 0 : place > edge ? 1 : torn
      // The late ones without the early ones.
      case 2: place < edge ? 1 : 0
      case 3: fate(kept: 90, dropped: 5)
      case 4: fate(kept: 5, dropped: 90)
      default: fate(kept: 40, dropped: 30)
      }
    }
  }

  /// Turns the disk into what a power cut leaves.
  func crash() {
    let operationCount = directory.entries.reduce(directory.pendingCount) { $0 + $1.file.pendingCount }
    var seed = SeededGenerator(seed: decisions.seed ^ callCount &* 0xD6E8_FEB8_6659_FD93)
    var leaning = Leaning(&seed, operationCount: operationCount)
    var dropped = 0
    var torn = 0
    func choose() -> UnsyncedFate {
      let fate = UnsyncedFate(choice: decisions.next(.unsynced, node: node) { leaning.draw(&$0) })
      switch fate {
      case .kept: break
      case .dropped: dropped += 1
      case .torn: torn += 1
      }
      return fate
    }
    let names = directory.crash {
      if case .kept = choose() { true } else { false }
    }
    for entry in directory.entries { entry.file.crash(fate: choose) }
    report(
      "power cut at call \(callCount): of \(operationCount) unsynced operations \(dropped) dropped, \(torn) torn"
        + (names.isEmpty ? "" : "; undone: \(names.joined(separator: ", "))"))
  }
}
