/// What `exam-lab bench` measures, and how thoroughly.
public struct BenchOptions: Sendable {
  public var measures: [BenchMeasure] = BenchMeasure.allCases
  /// Interleaved runs; their median counts.
  public var runs = 5
  /// Short runs that show that everything works; their figures mean nothing.
  public var isQuick = false
  /// Counts the server's syncs of the disk with strace.
  public var tracesSystemCalls = false
  /// The folder with the commands `exam-server` and `exam-client`.
  public var binaries: String
  /// Where the report is written, and where databases are made while it runs.
  public var outputFolder: String
  /// Whether progress is written to standard error.
  public var showsProgress = true

  public init(binaries: String, outputFolder: String) {
    self.binaries = binaries
    self.outputFolder = outputFolder
  }

  func validate() throws {
    guard (1...99).contains(runs) else { throw RoomError("--runs takes 1 to 99, not \(runs)") }
    guard !measures.isEmpty else {
      throw RoomError("--only names no measure; there are \(BenchMeasure.names)")
    }
  }
}

extension BenchMeasure {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

  /// Reads names separated by commas.
  ///
  /// - Throws: ``RoomError`` naming what is no measure.
  public static func list(parsing text: String) throws -> [BenchMeasure] {
    var measures: [BenchMeasure] = []
    for name in text.split(separator: ",") {
      guard let measure = BenchMeasure(rawValue: String(name)) else {
        throw RoomError("“\(name)” is no measure; there are \(names)")
      }
      if !measures.contains(measure) { measures.append(measure) }
    }
    return measures
  }
}

/// Sizes of the runs, in one place.
struct BenchSizes {
  /// Phones that push.
  var connections = 200
  var warmupSeconds = 0.4
  var replaySeconds = 2.0
  /// Saves of one run.
  var saves = 400
  /// Rows of one run of bare SQLite.
  var rows = 60_000
  /// Requests of each kind on the wire.
  var wireRequests = 40
  var openEntries = 300
  var deltaRecords = (small: 100, large: 100_000)
  /// Deltas of one run.
  var deltas = 60
  var idlePolls = (few: 1_000, many: 5_000)

  static let full = BenchSizes()
  static let quick: BenchSizes = {
    var sizes = BenchSizes()
    sizes.connections = 20
    sizes.warmupSeconds = 0.05
    sizes.replaySeconds = 0.2
    sizes.saves = 20
    sizes.rows = 2_000
    sizes.wireRequests = 4
    sizes.openEntries = 30
    sizes.deltaRecords = (20, 400)
    sizes.deltas = 5
    sizes.idlePolls = (20, 100)
    return sizes
  }()
}
