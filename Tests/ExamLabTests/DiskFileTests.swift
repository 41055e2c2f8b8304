import SyncCore
import Testing

@testable import ExamLab

/// The file on the virtual disk against the plainest one there is: two copies, and every operation kept as it was.
@Suite struct DiskFileTests {
  private struct PlainFile {
    let live = DiskBytes()
    let platter = DiskBytes()
    var pending: [DiskOperation] = []

    mutating func write(_ bytes: [UInt8], at offset: Int) {
      live.write(bytes, count: bytes.count, at: offset)
      let copy = DiskBytes()
      copy.copy(bytes)
      pending.append(.write(offset: offset, copy))
    }

    mutating func truncate(to size: Int) {
      guard size != live.count else { return }
      live.resize(to: size)
      pending.append(.truncate(size: size))
    }

    mutating func end(_ fates: [UnsyncedFate]) {
      for (operation, fate) in zip(pending, fates) { operation.apply(to: platter, fate) }
      pending.removeAll()
    }
  }

  private func fates(_ count: Int, _ generator: inout SeededGenerator, tears: Bool) -> [UnsyncedFate] {
    (0..<count).map { _ in
      UnsyncedFate(choice: generator.number(in: 0...(tears ? 2 : 1)) == 2 ? Int64(generator.next() >> 16) + 2 : 0)
    }.map { fate in
      if case .kept = fate, generator.next() & 1 == 0 { return .dropped }
      return fate
    }
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>) func everyLifeIsThatOfTwoCopies(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let file = DiskFile()
    var plain = PlainFile()
    for _ in 0..<120 {
      switch generator.number(in: 0...19) {
      case 0...11:
        let bytes = (0..<generator.number(in: 1...2_000)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let offset = Int(generator.number(in: 0...6_000))
        file.write(bytes, count: bytes.count, at: offset)
        plain.write(bytes, at: offset)
      case 12...13:
        let size = Int(generator.number(in: 0...7_000))
        file.truncate(to: size)
        plain.truncate(to: size)
      case 14...16:
        file.sync()
        plain.end([UnsyncedFate](repeating: .kept, count: plain.pending.count))
      case 17:
        var chosen = fates(plain.pending.count, &generator, tears: false)
        plain.end(chosen)
        file.failSync {
          if case .kept = chosen.removeFirst() { true } else { false }
        }
      default:
        var chosen = fates(plain.pending.count, &generator, tears: true)
        plain.end(chosen)
        plain.live.copy(plain.platter, from: 0)
        file.crash { chosen.removeFirst() }
      }
      #expect(file.live.array == plain.live.array)
      #expect(file.pendingCount == plain.pending.count)
    }
    file.crash { .dropped }
    #expect(file.live.array == plain.platter.array)
  }

  @Test func aFlippedBitIsThereAfterThePowerCutToo() {
    let file = DiskFile()
    file.write([1, 2, 3] as [UInt8], count: 3, at: 0)
    file.sync()
    file.write([4] as [UInt8], count: 1, at: 3)
    file.flip(byte: 0, bit: 7)
    file.flip(byte: 9, bit: 0)
    #expect(file.live.array == [129, 2, 3, 4])
    file.crash { .kept }
    #expect(file.live.array == [129, 2, 3, 4])
  }
}
