import Foundation

/// A server with an exam that is open and phones that have begun it, made once and copied for every run, so that no
/// run can leave anything behind for the next.
final class LabStage: Sendable {
  struct Seat: Sendable {
    var user: String
    var attempt: String
  }

  let binaries: String
  /// The base that copies are made of; nobody runs in it.
  let folder: String
  let identityKey: String
  let exam: String
  let seats: [Seat]
  /// Milliseconds since 1970 of the bell.
  let closesAt: Int

  /// Far away, so that no bell rings into a run.
  private static let examHours = 720
  private static let password = "laboratory1"
  /// The 32 MiB that a server keeps for seals would be copied with every run.
  static let serverOptions = ["--reserve-bytes", "65536"]

  /// Makes the base: an exam as an operator makes it, and phones that log in, join, download and start.
  init(binaries: String, folder: String, phones: Int) throws {
    for command in ["exam-server", "exam-client"] {
      guard access("\(binaries)/\(command)", X_OK) == 0 else {
        throw RoomError("\(binaries)/\(command) is not there: build it, and name its folder with --binaries")
      }
    }
    self.binaries = binaries
    self.folder = folder
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let server = try ServerUnderTest(binary: "\(binaries)/exam-server", folder: folder)
    identityKey = server.identityKey
    try server.start(Self.serverOptions)
    defer { server.stop() }
    let now = WallClock.milliseconds
    closesAt = now + Self.examHours * 3_600_000
    let created = try server.query([
      "exam", "create", "--title", "Laboratory", "--opens", "@\(now - 60_000)", "--closes", "@\(closesAt)",
      "--max-locks", "0",
    ])
    guard let id = created["exam"] as? String, let code = created["code"] as? String else {
      throw RoomError("exam-server exam create printed no exam and code")
    }
    exam = id
    try BenchPaper.write(to: "\(folder)/paper")
    try server.command(["paper", "publish", id, "\(folder)/paper"])
    var roster = "number,name,username,password,specialty,room\n"
    for number in 1...phones {
      roster += "N\(number),Candidate \(number),\(Self.user(number)),\(Self.password),,R1\n"
    }
    try roster.write(toFile: "\(folder)/roster.csv", atomically: true, encoding: .utf8)
    try server.command(["roster", "import", id, "\(folder)/roster.csv", "--hand-out", "\(folder)/hand-out.csv"])
    // Most of a beginning is waiting, so they begin together.
    let begun = ParallelRuns(1..<phones + 1) { number in
      Result { try Self.begin(number, code: code, server: server, binaries: binaries, folder: folder) }
    }
    seats = try begun.perform(jobs: phones) { _ in }.map { try $0.get() }
  }

  private static func user(_ number: Int) -> String { "phone\(number)" }

  /// Takes one phone to the first item, and closes it cleanly with nothing pending.
  private static func begin(
    _ number: Int, code: String, server: ServerUnderTest, binaries: String, folder: String
  ) throws -> Seat {
    var setting = LabPhone.Setting(
      client: "\(binaries)/exam-client", store: "\(folder)/phone-\(number)",
      server: "http://127.0.0.1:\(server.devicePort)", serverKey: server.identityKey,
      errorFile: "\(folder)/phones.log")
    setting.syncsByItself = true
    let phone = try LabPhone(setting)
    defer { phone.kill() }
    _ = try phone.succeed("ready", nil)
    _ = try phone.succeed("log-in", "login \(user(number)) \(password)")
    let joined = try phone.succeed("join", "join \(code)")
    _ = try phone.succeed("download", "await ready 30")
    _ = try phone.succeed("start", "start")
    _ = try phone.succeed("sync", "sync")
    _ = try phone.succeed("first entries", "await pending-zero 30")
    _ = phone.ask("quit")
    phone.waitForEnd()
    guard let attempt = joined.attempt else { throw RoomError("join named no attempt") }
    return Seat(user: user(number), attempt: attempt)
  }

  /// A copy of the base in a folder of its own; its server is not running yet.
  func world(in target: String, phones: Int = 1) throws -> LabWorld {
    let manager = FileManager.default
    try? manager.removeItem(atPath: target)
    try manager.createDirectory(atPath: "\(target)/server", withIntermediateDirectories: true)
    for name in try manager.contentsOfDirectory(atPath: "\(folder)/server") where name != "reserve" {
      try manager.copyItem(atPath: "\(folder)/server/\(name)", toPath: "\(target)/server/\(name)")
    }
    for number in 1...phones {
      try manager.copyItem(atPath: "\(folder)/phone-\(number)", toPath: "\(target)/phone-\(number)")
    }
    return try LabWorld(stage: self, folder: target)
  }
}

/// One copy of a stage.
struct LabWorld {
  let stage: LabStage
  let folder: String
  private(set) var server: ServerUnderTest

  init(stage: LabStage, folder: String) throws {
    self.stage = stage
    self.folder = folder
    server = try Self.server(stage, folder)
  }

  private static func server(_ stage: LabStage, _ folder: String) throws -> ServerUnderTest {
    try ServerUnderTest(
      binary: "\(stage.binaries)/exam-server", dataFolder: "\(folder)/server", identityKey: stage.identityKey,
      errorFile: "\(folder)/server-errors.log")
  }

  /// Starts the server; on other ports if another program took these meanwhile.
  mutating func startServer(_ options: [String] = []) throws {
    for _ in 0..<3 {
      do { return try server.start(LabStage.serverOptions + options) } catch { server = try Self.server(stage, folder) }
    }
    try server.start(LabStage.serverOptions + options)
  }

  /// The same world with another command for its server, which serves another folder.
  func serving(command: String, from data: String) throws -> LabWorld {
    var world = self
    world.server = try ServerUnderTest(
      binary: command, dataFolder: data, identityKey: stage.identityKey, errorFile: "\(folder)/server-errors.log")
    return world
  }

  /// What a phone is started with. Seats are counted from 0.
  func setting(seat: Int, port: Int? = nil) -> LabPhone.Setting {
    LabPhone.Setting(
      client: "\(stage.binaries)/exam-client", store: "\(folder)/phone-\(seat + 1)",
      server: "http://127.0.0.1:\(port ?? server.devicePort)", serverKey: stage.identityKey,
      errorFile: "\(folder)/phone-\(seat + 1).log")
  }

  /// The answers that the running server exports, by user and item.
  func serverAnswers() throws -> [Judge.ServerLine] {
    try ServerExport.answers(server, exam: stage.exam, to: "\(folder)/server.jsonl")
  }

  func serverJournals() throws -> [JournalLine] {
    try ServerExport.journals(server, exam: stage.exam)
  }

  func remove() {
    try? FileManager.default.removeItem(atPath: folder)
  }
}
