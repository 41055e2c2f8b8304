import ArgumentParser
import ExamServer
import Foundation

@main
struct ExamServerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exam-server",
    abstract: "Runs exams for phones that may be offline.",
    discussion: """
      A room from nothing:
        exam-server init --data /srv/exam
        exam-server serve --data /srv/exam &
        exam-server exam create --data /srv/exam --title "Finals" --opens 2026-12-01T09:00:00Z \\
          --closes 2026-12-01T11:00:00Z
        exam-server paper publish EXAM paper/ --data /srv/exam
        exam-server roster import EXAM roster.csv --hand-out cards.csv --data /srv/exam
        exam-server export answers EXAM --data /srv/exam > answers.jsonl

      Commands speak to the running server over its operator port: --server and --token (or EXAMSYNC_SERVER and \
      EXAMSYNC_TOKEN), or --data (or EXAMSYNC_DATA) on the server's own machine. Where no server runs, --data opens \
      the store itself.

      Exit codes: 0 done, 1 refused (the message says why), 2 nothing could be reached or opened, 3 not allowed, \
      4 damaged, 5 the store failed while it was served (start it again: it verifies the store), \
      64 the command line is wrong.
      """,
    version: "1.0.0",
    subcommands: [
      InitCommand.self, ServeCommand.self, ExamCommands.self, RosterCommands.self, PaperCommands.self,
      AttemptCommands.self, UnlockCommand.self, ExtendCommand.self, BoardCommand.self, ExportCommands.self,
      OperatorCommands.self, BackupCommand.self, RestoreCommand.self, DoctorCommand.self, RequestCommand.self,
    ])

  static func main() async {
    do {
      var command = try parseAsRoot()
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let error as CommandError {
      Console.fail(error.description, code: error.exit.rawValue)
    } catch let error as StorageError {
      Console.fail(error.description, code: CommandError.Exit.unreachable.rawValue)
    } catch let error as OperatorClientError {
      Console.fail(error.description, code: CommandError.Exit.unreachable.rawValue)
    } catch {
      exit(withError: error)
    }
  }
}

/// Standard output for results, standard error for everything else.
enum Console {
  static func note(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }

  static func fail(_ text: String, code: Int32) -> Never {
    note("exam-server: \(text)")
    Foundation.exit(code)
  }

  static func write(_ bytes: [UInt8]) {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(bytes))
    } catch {
      // Whoever read our output has read enough, as `head` does.
      Foundation.exit(0)
    }
  }
}
