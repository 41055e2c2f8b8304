import ExamModel
import ExamStore
import Foundation
import SyncCore
import SyncProtocol
import SyncWire

/// A local save against the same statements from C, save by save in turns on the same disk.
struct SaveBench {
  let context: BenchContext

  static let bar = 1.3

  /// What takes turns, in the order in which the figures are printed.
  enum Contestant: String, CaseIterable {
    case client = "a save through ExamClient"
    case store = "a save through ExamStore"
    case baseline = "the same statements from C"
    case row = "one row in a commit of its own, from C"
  }

  func run() throws -> BenchResult {
    let folder = try context.makeFolder("save")
    var trouble: String?
    var room: BenchRoom?
    do {
      room = try BenchRoom(
        binaries: context.options.binaries, folder: "\(folder)/room", candidates: 1, logsIn: false)
    } catch { trouble = "ExamClient was left out, there is no server for it: \(error)" }
    defer { room?.server.kill() }
    let samples = try measure(folder: folder, room: room)
    if room != nil, samples.first?[.client] == nil { trouble = "ExamClient was left out." }
    return result(samples, trouble)
  }

  /// The times of each run.
  private func measure(folder: String, room: BenchRoom?) throws -> [[Contestant: LatencySample]] {
    // Saves through ExamClient are awaited, so everything that takes turns with them runs in the same task.
    try AsyncBridge.wait {
      let stage = try SaveStage(folder: folder)
      var client: SaveClient?
      if let room { client = try await SaveClient(room, folder: "\(folder)/client") }
      var samples: [[Contestant: LatencySample]] = []
      for run in 1...context.runs {
        context.progress("save: run \(run) of \(context.runs)")
        let times = try await stage.run(saves: context.sizes.saves, client: client)
        samples.append(times.mapValues { LatencySample($0) })
      }
      await client?.close()
      return samples
    }
  }

  private func result(_ samples: [[Contestant: LatencySample]], _ trouble: String?) -> BenchResult {
    func medians(_ contestant: Contestant) -> [Double] { samples.compactMap { $0[contestant]?.medianMilliseconds } }
    func tails(_ contestant: Contestant) -> [Double] { samples.compactMap { $0[contestant]?.p99Milliseconds } }
    func bar(_ contestant: Contestant, _ note: String?) -> BenchBar {
      BenchBar(
        "\(contestant.rawValue) ÷ \(Contestant.baseline.rawValue) (p50)", unit: "×", .atMost, bar: Self.bar,
        runs: BenchStatistics.ratios(medians(contestant), to: medians(.baseline)), note: note)
    }
    let figures = Contestant.allCases.flatMap { contestant in
      [
        BenchFigure("\(contestant.rawValue), p50", unit: "ms", runs: medians(contestant)),
        BenchFigure("\(contestant.rawValue), p99", unit: "ms", runs: tails(contestant)),
      ]
    }
    return BenchResult(
      .save,
      bars: [
        bar(.client, trouble == nil ? nil : "left out, see the notes"), bar(.store, nil),
      ],
      figures: figures,
      notes: [
        "\(context.sizes.saves) saves of each in a run, one after the other in turns; a save is what SaveStatements "
          + "says, in one transaction with the same pragmas, WAL and synchronous=FULL."
      ] + (trouble.map { [$0] } ?? []))
  }
}

/// A store and a C baseline with the same content.
final class SaveStage {
  private let store: ExamStore
  private let attempt: ID128
  private let baseline: BaselineDatabase
  private let rows: BaselineDatabase
  private let bootID = ID128.random()
  private var sequence: Int64 = 2
  private var text = BenchText(seed: 1)
  private var turns = SeededGenerator(seed: 2)

  init(folder: String) throws {
    let instant = Self.instant(ID128.random())
    do {
      store = try ExamStore(path: "\(folder)/store.db", appVersion: "3.4.2", at: instant)
      attempt = try Self.prepare(store, at: instant)
    } catch let error as ExamStoreError { throw RoomError("a store could not be made: \(error)") }
    baseline = try Self.makeBaseline("\(folder)/baseline.db")
    rows = try Self.makeBaseline("\(folder)/rows.db")
  }

  deinit { store.close() }

  /// Nanoseconds of each save of each contestant.
  func run(saves: Int, client: SaveClient?) async throws -> [SaveBench.Contestant: [UInt64]] {
    var times: [SaveBench.Contestant: [UInt64]] = [:]
    for index in 0..<saves {
      let number = 1 + index % BenchPaper.itemCount
      let item = "q\(number)"
      let value: AnswerValue =
        BenchPaper.isText(number) ? .text(text.characters(80)) : .options([["A", "B", "C", "D"][index % 4]])
      sequence += 1
      // In another order each time: what comes after a save must not always be the same.
      let order = SaveBench.Contestant.allCases.shuffled(using: &turns)
      for contestant in order {
        switch contestant {
        case .client: if let client { times[.client, default: []].append(try await client.save(item, value)) }
        case .store: times[.store, default: []].append(try save(item, value))
        case .baseline: times[.baseline, default: []].append(try baseline.save(values(item, value)))
        case .row: times[.row, default: []].append(try rows.commitRow(values(item, value)))
        }
      }
    }
    return times
  }

  private func save(_ item: String, _ value: AnswerValue) throws -> UInt64 {
    let start = MonotonicNanoseconds.now
    do {
      let moment = SaveMoment(Self.instant(bootID), remainingMilliseconds: 3_600_000)
      _ = try store.save(value, for: item, in: attempt, at: moment)
    } catch { throw RoomError("a save was refused: \(error)") }
    return MonotonicNanoseconds.now - start
  }

  private func values(_ item: String, _ value: AnswerValue) -> BaselineSave {
    let entry = Entry(bootDeltaMilliseconds: 4_000, kind: .answer(item: item, value: value))
    return BaselineSave(
      sequence: sequence, body: entry.wire, head: Self.bytes(32), attempt: attempt.bytes, item: item,
      value: value.canonicalBytes, boot: bootID.bytes, bootMilliseconds: 1_000_000 + sequence,
      wallMilliseconds: Int64(WallClock.milliseconds), remainingMilliseconds: 3_600_000, mac: Self.bytes(16))
  }

  // MARK: - Before the first save

  static func makeBaseline(_ path: String) throws -> BaselineDatabase {
    let journal = """
      INSERT INTO journal(number, id, subject, device_key, lease, last, head, acknowledged, acknowledged_state,
        greatest,
        opened_wall_ms, mac)
      VALUES (1, randomblob(16), randomblob(16), randomblob(16), 1, 0, randomblob(32), 0, 0, 0, 0, randomblob(16))
      """
    let database = try BaselineDatabase(path: path, scripts: SaveStatements.pragmas + [SaveStatements.tables, journal])
    try database.prepareSave([
      SaveStatements.begin, SaveStatements.insertEntry, SaveStatements.upsertAnswer, SaveStatements.updateJournal,
      SaveStatements.commit,
    ])
    return database
  }

  /// A device that is logged in, has the scopes of an exam that is open, and has begun.
  private static func prepare(_ store: ExamStore, at instant: DeviceInstant) throws -> ID128 {
    let candidate = ID128.random()
    let exam = ID128.random()
    let attempt = ID128.random()
    _ = try store.makeIdentity()
    let certificate = SignedBytes(statement: [], signature: [], keyID: .zero)
    try store.storeGrant(
      SessionGrant(
        session: .random(), secret: bytes(32), nonce: .random(), serverTime: instant.wallMilliseconds,
        candidate: candidate, certificate: certificate, name: "Benchmark", isPhoneBound: true,
        minimumAppVersion: "3.4.2", hasQuestionBank: false, hasMyExams: false), user: "benchmark")
    let examRecord = ExamRecord(
      title: "Benchmark", opensAt: instant.wallMilliseconds - 60_000, closesAt: instant.wallMilliseconds + 36_000_000,
      policy: AttemptPolicy(), specialty: "", paperVersion: 1)
    let attemptRecord = AttemptRecord(
      attempt: attempt, exam: exam, lease: 1, leaseID: .random(), orderSeed: 1, codeSalt: bytes(16),
      codeVerifier: bytes(32), unlockSalt: bytes(16), unlockVerifiers: [], scryptRounds: 2_048, specialty: "")
    for (scope, record) in [
      (exam, Record(collection: ScopeCollection.exam, key: "info", version: 1, body: examRecord.wire)),
      (
        candidate,
        Record(collection: ScopeCollection.attempt, key: attempt.hex, version: 1, body: attemptRecord.wire)
      ),
    ] {
      var digest = ScopeDigest.empty
      digest.add(record)
      _ = try store.store(
        Delta(
          scope: scope, from: .start, records: [record], to: Cursor(epoch: 1, version: 1),
          checkpoint: Checkpoint(count: 1, digest: digest)))
    }
    _ = try store.join(attempt, at: SaveMoment(instant))
    _ = try store.start(code: "", paperVersion: 1, in: attempt, at: SaveMoment(instant))
    return attempt
  }

  private static func instant(_ bootID: ID128) -> DeviceInstant {
    DeviceInstant(
      bootID: bootID, bootMilliseconds: UInt64(MonotonicClock.milliseconds),
      wallMilliseconds: Int64(WallClock.milliseconds))
  }

  private static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }
}
