import ExamModel
import SyncCore

/// Numbers that are no choices, such as ids and base latencies: pure functions of the seed and a name.
struct SimSeeds {
  let seed: UInt64

  func generator(_ purpose: Purpose, _ first: UInt64 = 0, _ second: UInt64 = 0) -> SeededGenerator {
    var mixer = SeededGenerator(seed: seed ^ (purpose.rawValue &* 0xA076_1D64_78BD_642F))
    mixer = SeededGenerator(seed: mixer.next() ^ (first &* 0xE703_7ED1_A0B4_28DB))
    return SeededGenerator(seed: mixer.next() ^ (second &* 0x8EBC_6AF0_9C88_C6E3))
  }

  func number(_ purpose: Purpose, _ first: UInt64, _ second: UInt64, in range: ClosedRange<Int64>) -> Int64 {
    var generator = generator(purpose, first, second)
    return generator.number(in: range)
  }

  enum Purpose: UInt64 {
    case kernel = 1
    case clock
    case store
    case core
    case blobs
    case nonce
    case server
    case latency
    case commit
    case pace
    case people
  }
}
