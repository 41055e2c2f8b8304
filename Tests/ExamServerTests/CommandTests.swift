import Foundation
import Testing

@testable import ExamServer

/// A room that is run with the commands alone, as the README shows it, in the form that people read.
@Suite(
  .timeLimit(.minutes(10)),
  .enabled(if: InstalledServer.binary != nil, "needs the exam-server binary beside the tests: swift build first"))
struct CommandTests {
  private static let sample = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("SampleData/medical-en").path

  private struct Room {
    var installed: InstalledServer
    var server: RealServer
    var exam: CommandRun

    /// A command of `exam-server` that speaks to the running server.
    func operate(_ arguments: String...) async throws -> CommandRun {
      let binary = try #require(InstalledServer.binary)
      let run = try await CommandRun.run(binary, arguments + ["--data", installed.data])
      #expect(run.status == 0, "\(arguments): \(run.errors)")
      return run
    }

    func examID() throws -> String { try #require(exam.value("exam")) }

    /// A script on the phone of this room, with `--strict`.
    func run(_ script: [String]) async throws -> CommandRun {
      let binary = try #require(InstalledServer.binary)
      let path = installed.folder + "/script.txt"
      try script.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
      return try await CommandRun.run(
        URL(fileURLWithPath: binary).deletingLastPathComponent().path + "/exam-client",
        [
          "run", path, "--strict", "--store", installed.folder + "/phone", "--server",
          "http://127.0.0.1:\(server.devicePort)", "--server-key", installed.made.identityKey,
        ])
    }
  }

  /// A room whose exam opened a minute ago.
  private func open(_ opened: Date) async throws -> Room {
    let installed = try await InstalledServer()
    let server = try await installed.start()
    let made = try await CommandRun.run(
      try #require(InstalledServer.binary),
      [
        "exam", "create", "--data", installed.data, "--title", "Finals", "--opens", opened.ISO8601Format(),
        "--closes", "+2h",
      ])
    #expect(made.status == 0, "\(made.errors)")
    return Room(installed: installed, server: server, exam: made)
  }

  @Test func aRoomIsRunFromAShell() async throws {
    let opened = Date().addingTimeInterval(-60)
    let room = try await open(opened)
    defer { room.installed.remove() }
    #expect(room.exam.value("opensAt") == opened.ISO8601Format(), "instants are printed as people read them")
    let exam = try room.examID()
    _ = try await room.operate("paper", "publish", exam, Self.sample)
    let (roster, cards) = (room.installed.folder + "/roster.csv", room.installed.folder + "/cards.csv")
    // Two candidates will do: each first password costs a deliberate moment of a processor.
    try String(contentsOfFile: Self.sample + "/roster.csv", encoding: .utf8).split(whereSeparator: \.isNewline)
      .prefix(3).joined(separator: "\n").write(toFile: roster, atomically: true, encoding: .utf8)
    _ = try await room.operate("roster", "import", exam, roster, "--hand-out", cards)
    let card = try String(contentsOfFile: cards, encoding: .utf8).split(whereSeparator: \.isNewline)[1]
      .split(separator: ",").map(String.init)

    let code = try #require(room.exam.value("code"))
    let first = try await room.run([
      "login \(card[2]) \(card[3])", "join \(code)", "await ready 30", "start", "answer q01 B", "await pending-zero 30",
      "lock app_switch", "await pending-zero 30",
    ])
    #expect(first.status == 0, "\(first.lines) \(first.errors)")

    let board = try await room.operate("board", exam)
    let columns = try #require(board.lines.first).split(separator: "\t").map(String.init)
    let row = try #require(board.lines.first { $0.hasPrefix(card[0] + "\t") }).split(separator: "\t").map(String.init)
    #expect(row.count == columns.count)
    let attempt = try #require(zip(columns, row).first { $0.0 == "attempt" }?.1)
    #expect(zip(columns, row).first { $0.0 == "lockedBy" }?.1 == "1")

    let unlock = try await room.operate("unlock", attempt, "1", "--code")
    let digits = try #require(unlock.value("code"))
    let second = try await room.run(["unlock \(digits)", "answer q02 A", "submit", "await receipt 30"])
    #expect(second.status == 0, "\(second.lines) \(second.errors)")
    let export = try await room.operate("export", "answers", exam)
    let answers = try #require(export.lines.first { $0.contains("\"\(attempt)\"") })
    #expect(answers.contains("\"q01\"") && answers.contains("\"q02\""))

    let late = try await room.run(["answer q03 A", "status"])
    #expect(late.status == 1)
    #expect(late.lines.last?.hasPrefix("error sealed: ") == true, "nothing after the refused command was executed")
    #expect(await room.server.stop() == 0)
  }
}
