import ArgumentParser
import ExamClient
import Logging

/// A phone without a screen.
@main
struct ExamClientCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exam-client",
    abstract: "A phone without a screen: it sits an exam from a script.",
    discussion: """
      EXAMPLES
        exam-client run exam.txt --store ./phone --server http://127.0.0.1:8080 --server-key 5a…
        echo status | exam-client run - --store ./phone --server http://127.0.0.1:8080 --server-key 5a… --output json
        exam-client status --store ./phone
        exam-client verify receipt.bin --server-key 5a…
        exam-client request --store ./phone --print-curl /v1/sync

      EXIT CODES
        0  done      1  refused, or not valid      2, 64  wrong use      3  the store does not work
      """,
    subcommands: [RunCommand.self, StatusCommand.self, VerifyCommand.self, RequestCommand.self])

  static func main() async {
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = .notice
      return handler
    }
    await main(nil)
  }
}

/// What the commands have in common.
struct OutputOptions: ParsableArguments {
  @Option(help: "Words for people, or one JSON object on a line.")
  var output = OutputForm.text
}

enum OutputForm: String, ExpressibleByArgument, CaseIterable {
  case text
  case json

  var form: ScriptReply.Form { self == .json ? .json : .text }
}

enum Exit {
  static let refused = ExitCode(1)
  static let usage = ExitCode(2)
  static let storage = ExitCode(3)

  /// The exit code of an error, after it was printed.
  static func code(of error: ExamClientError) -> ExitCode {
    switch error.code {
    case .storageFailed, .storeInUse, .diskFull, .closed: storage
    case .badArgument: usage
    default: refused
    }
  }
}

/// The server's key as it stands on the server card: 64 hexadecimal digits.
struct ServerKey: ExpressibleByArgument {
  var bytes: [UInt8]

  init?(argument: String) {
    guard argument.utf8.count == 64, let bytes = HexText.decode(argument) else { return nil }
    self.bytes = bytes
  }
}
