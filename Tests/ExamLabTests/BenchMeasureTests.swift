import ExamStore
import Foundation
import SQLite
import Testing

@testable import ExamLab

/// The yardsticks and the measures that need no other process, on real files.
@Suite struct BenchMeasureTests {
  private static func withFolder<Value>(_ body: (String) throws -> Value) throws -> Value {
    let folder = NSTemporaryDirectory() + "examsync-bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  private static func count(_ table: String, in path: String) throws -> Int {
    let connection = try Connection(path: path)
    let statement = try connection.prepare("SELECT count(*) FROM \(table)")
    return try statement.step() ? statement.int(at: 0) : 0
  }

  private static func values(_ sequence: Int64) -> BaselineSave {
    BaselineSave(
      sequence: sequence, body: [1, 2, 3], head: [UInt8](repeating: 7, count: 32),
      attempt: [UInt8](repeating: 8, count: 16), item: "q1", value: [9], boot: [UInt8](repeating: 1, count: 16),
      bootMilliseconds: 1, wallMilliseconds: 2, remainingMilliseconds: 3, mac: [UInt8](repeating: 4, count: 16))
  }

  @Test(arguments: BaselineRowOrder.allCases)
  func bareSQLiteStoresEveryRow(order: BaselineRowOrder) throws {
    try Self.withFolder { folder in
      let baseline = RowBaseline(folder: folder, phones: 7, rows: 1_234)
      let perSecond = try baseline.rowsPerSecond(order, bodies: [[1], [2, 3]])
      let count = try Self.count("entry", in: "\(folder)/rows.db")
      #expect(perSecond > 0 && count == 1_234)
    }
  }

  @Test func aSaveFromCIsOneTransactionOfTheSameStatements() throws {
    try Self.withFolder { folder in
      let path = "\(folder)/baseline.db"
      do {
        let database = try SaveStage.makeBaseline(path)
        let times = [
          try database.save(Self.values(1)), try database.save(Self.values(2)), try database.commitRow(Self.values(3)),
        ]
        #expect(times.allSatisfy { $0 > 0 })
        // A sequence that is there already: the whole transaction is rolled back, and the next one works.
        #expect(throws: RoomError.self) { try database.save(Self.values(2)) }
        _ = try database.save(Self.values(4))
      }
      let counts = try ["entry", "answer", "journal WHERE last = 4"].map { try Self.count($0, in: path) }
      #expect(counts == [3, 1, 1])
    }
  }

  @Test func aStatementThatSQLiteDoesNotUnderstandIsToldOf() throws {
    try Self.withFolder { folder in
      #expect(throws: RoomError.self) { try BaselineDatabase(path: "\(folder)/a.db", scripts: ["PRAGMA x =", "y"]) }
      let database = try BaselineDatabase(path: "\(folder)/b.db", scripts: SaveStatements.pragmas)
      #expect(throws: RoomError.self) {
        try database.prepareRows(["BEGIN", "INSERT INTO nothing VALUES (1)", "COMMIT"])
      }
    }
  }

  @Test func aDeltaCostsTheSameStepsInAScopeTwentyTimesAsLarge() throws {
    try Self.withFolder { folder in
      var options = BenchOptions(binaries: folder, outputFolder: folder)
      options.isQuick = true
      options.runs = 1
      options.showsProgress = false
      let result = try DeltaBench(context: BenchContext(options)).run()
      let steps = try #require(result.bars.first { $0.unit == "steps" })
      #expect(steps.outcome == .met && steps.measured == 0)
      let size = try #require(result.bars.last)
      #expect(size.outcome == .met)
    }
  }

  @Test func withoutCommandsAMeasureSaysWhatIsMissing() throws {
    try Self.withFolder { folder in
      var options = BenchOptions(binaries: "\(folder)/nowhere", outputFolder: folder)
      options.measures = [.wire]
      options.isQuick = true
      options.showsProgress = false
      let error = #expect(throws: RoomError.self) { try Bench(options).run() }
      #expect(error?.description.contains("nowhere/exam-server") == true)
    }
  }
}
