import ExamModel
import Foundation
import SyncProtocol
import SyncWire

/// A delta of ten changed records, in a scope with few and in one with many.
struct DeltaBench {
  let context: BenchContext

  static let changed = 10
  private static let textBytes = 480
  private static let batch = 1_000

  func run() throws -> BenchResult {
    let folder = try context.makeFolder("delta")
    var text = BenchText(seed: 7)
    let small = try lane("\(folder)/small.db", records: context.sizes.deltaRecords.small, &text)
    let large = try lane("\(folder)/large.db", records: context.sizes.deltaRecords.large, &text)
    var times: (small: [Double], large: [Double]) = ([], [])
    var steps: (small: [Double], large: [Double]) = ([], [])
    var sizes: [Double] = []
    for run in 1...context.runs {
      context.progress("delta: run \(run) of \(context.runs)")
      var samples: (small: [UInt64], large: [UInt64]) = ([], [])
      for index in 0..<context.sizes.deltas {
        let texts = (0..<Self.changed).map { _ in text.characters(Self.textBytes) }
        for isLarge in index.isMultiple(of: 2) ? [false, true] : [true, false] {
          let one = try (isLarge ? large : small).measure(texts)
          if isLarge { samples.large.append(one.nanoseconds) } else { samples.small.append(one.nanoseconds) }
          if isLarge { steps.large.append(Double(one.steps)) } else { steps.small.append(Double(one.steps)) }
          sizes.append(one.sizeRatio)
        }
      }
      times.small.append(LatencySample(samples.small).medianMilliseconds)
      times.large.append(LatencySample(samples.large).medianMilliseconds)
    }
    return BenchResult(
      .delta, bars: bars(times, steps, sizes),
      figures: [
        BenchFigure("at \(context.sizes.deltaRecords.small) records, p50", unit: "ms", runs: times.small),
        BenchFigure("at \(context.sizes.deltaRecords.large) records, p50", unit: "ms", runs: times.large),
        BenchFigure("instructions of SQLite, few records", unit: "steps", runs: steps.small),
        BenchFigure("instructions of SQLite, many records", unit: "steps", runs: steps.large),
      ],
      notes: [
        "From the decoded request to the framed response, in one process, "
          + "\(context.sizes.deltas) deltas a run in turns; "
          + "each follows \(Self.changed) records of about \(Self.textBytes) bytes written for it."
      ])
  }

  private func bars(
    _ times: (small: [Double], large: [Double]), _ steps: (small: [Double], large: [Double]), _ sizes: [Double]
  ) -> [BenchBar] {
    let few = context.sizes.deltaRecords.small
    let many = context.sizes.deltaRecords.large
    let difference = zip(steps.large, steps.small).map { abs($0 - $1) }.max()
    return [
      BenchBar(
        "time at \(many) records ÷ at \(few)", unit: "×", .atMost, bar: 1.25,
        runs: BenchStatistics.ratios(times.large, to: times.small)),
      BenchBar(
        "difference in SQLite instructions, \(many) and \(few) records", unit: "steps", .atMost, bar: 0,
        runs: difference.map { [$0] } ?? []),
      BenchBar(
        "delta ÷ its records deflated", unit: "×", .atMost, bar: 1.1,
        runs: BenchStatistics.median(sizes).map { [$0] } ?? []),
    ]
  }

  private func lane(_ path: String, records: Int, _ text: inout BenchText) throws -> DeltaLane {
    context.progress("delta: writing \(records) records")
    let store = try BenchStore(path: path)
    let session = try neighbour(of: store)
    var written = 0
    while written < records {
      let count = min(Self.batch, records - written)
      try store.announce((0..<count).map { _ in text.characters(Self.textBytes) })
      written += count
    }
    return try DeltaLane(store: store, session: session)
  }

  /// The exam's own id is random too: with n tries one run in n finds none.
  private static let neighbourTries = 4_096

  /// A session of a candidate whose scope stands behind the exam's in the index: the end of a scope costs SQLite one
  /// instruction more where another scope follows, and ids are random.
  private func neighbour(of store: BenchStore) throws -> BenchSession {
    for _ in 0..<Self.neighbourTries {
      if let session = try store.sessions(1).first, session.candidate > store.exam { return session }
    }
    throw RoomError("of \(Self.neighbourTries) random ids none is above the exam's; measure again")
  }
}

/// One store, and a device that follows its exam's scope.
private final class DeltaLane {
  private let store: BenchStore
  private let session: BenchSession
  private var cursor: ScopeCursor

  init(store: BenchStore, session: BenchSession) throws {
    self.store = store
    self.session = session
    cursor = ScopeCursor(scope: store.exam, cursor: .start)
    try catchUp()
  }

  deinit { try? store.close() }

  private func catchUp() throws {
    while let delta = try store.sync(SyncRequest(scopes: [cursor]), session: session).response.deltas.first {
      if delta.checkpoint == nil {
        cursor.staged = delta.to.version
      } else {
        cursor = ScopeCursor(scope: cursor.scope, cursor: delta.to)
      }
    }
  }

  func measure(_ texts: [String]) throws -> (nanoseconds: UInt64, steps: Int, sizeRatio: Double) {
    try store.announce(texts)
    _ = store.takeSteps()
    let request = SyncRequest(scopes: [cursor])
    let start = MonotonicNanoseconds.now
    let answer = try store.sync(request, session: session)
    let nanoseconds = MonotonicNanoseconds.now - start
    let steps = store.takeSteps()
    guard let delta = answer.response.deltas.first, delta.records.count == texts.count, delta.checkpoint != nil,
      !delta.isReset
    else { throw RoomError("a delta of \(texts.count) records was asked for; other ones came") }
    cursor = ScopeCursor(scope: cursor.scope, cursor: delta.to)
    return (nanoseconds, steps, Double(answer.framed.count) / Double(Self.deflatedBytes(delta.records)))
  }

  /// The records alone, encoded and deflated: what no protocol could do without.
  private static func deflatedBytes(_ records: [Record]) -> Int {
    let bare = Delta(scope: .zero, from: .start, records: records, to: .start, checkpoint: nil)
    let empty = Delta(scope: .zero, from: .start, records: [], to: .start, checkpoint: nil)
    return BodyFraming.frame(bare.wire).count - empty.wire.count
  }
}
