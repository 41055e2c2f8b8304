import Foundation
import Glibc
import Synchronization

/// A line that is drawn anew on a terminal while the exam runs; in a pipe, one line for each stage.
struct RoomProgress {
  let phones: [Phone]
  let exam: PreparedExam
  let isShown: Bool

  func showUntilDone(_ workers: [Worker]) {
    let isTerminal = isatty(STDERR_FILENO) == 1
    var last = ""
    while !workers.allSatisfy(\.isFinished) {
      usleep(200_000)
      guard isShown else { continue }
      let line = self.line
      guard line != last else { continue }
      if isTerminal {
        FileHandle.standardError.write(Data("\r\u{1b}[K\(line)".utf8))
      } else if line.prefix(9) != last.prefix(9) {
        FileHandle.standardError.write(Data("\(line)\n".utf8))
      }
      last = line
    }
    if isShown && isTerminal { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
    workers.forEach { $0.join() }
  }

  private var line: String {
    let tallies = phones.map { phone in phone.tally.withLock { $0 } }
    let now = MonotonicClock.milliseconds
    let clock: String
    if now < exam.opensAt {
      clock = "opens in \((exam.opensAt - now) / 1000) s"
    } else if now < exam.bellAt {
      clock = "bell in \((exam.bellAt - now) / 1000) s"
    } else {
      clock = "bell + \((now - exam.bellAt) / 1000) s"
    }
    let stages = Dictionary(grouping: tallies, by: \.stage).map { "\($0.value.count) \($0.key)" }.sorted()
    let saved = tallies.reduce(0) { $0 + $1.saved }
    let kills = tallies.reduce(0) { $0 + $1.kills }
    let receipts = tallies.count { $0.receiptAt != nil }
    return "\(clock) · saved \(saved) · kills \(kills) · receipts \(receipts)/\(phones.count) · "
      + stages.joined(separator: ", ")
  }
}
