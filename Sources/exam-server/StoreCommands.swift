import ArgumentParser
import ExamServer
import Foundation

struct ExportCommands: AsyncParsableCommand {
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case answers, journals, receipts, dispositions, roots, audit
  }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes answers, journals, receipts, dispositions, roots or the audit trail.",
    discussion: """
      One JSON object a line, read page by page while the exam goes on.
      Examples:
        exam-server export answers EXAM > answers.jsonl
        exam-server export audit > audit.jsonl
      """)

  @OptionGroup var access: Access
  @Argument(help: "answers, journals, receipts, dispositions, roots or audit.") var kind: Kind
  @Argument(help: "The exam's id; not for roots and audit.") var exam: String?

  func validate() throws {
    let isOfExam = kind != .roots && kind != .audit
    guard isOfExam == (exam != nil) else {
      throw ValidationError(isOfExam ? "Name the exam." : "\(kind.rawValue) belong to the whole server: name no exam.")
    }
  }

  func run() async throws {
    let path = exam.map { "/v1/exams/\($0)/\(kind.rawValue)" } ?? "/v1/\(kind.rawValue)"
    try await access.printPages(path, asLines: true)
  }
}

struct OperatorCommands: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "operator", abstract: "Tokens of operators and proctors.",
    subcommands: [Add.self, List.self, Revoke.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A new token, shown once.", discussion: "Example: exam-server operator add room-3 --role proctor")
    @OptionGroup var access: Access
    @Argument(help: "A name for the audit trail.") var name: String
    @Option(help: "operator or proctor.") var role = "proctor"

    func run() async throws {
      try await access.print(
        "POST", "/v1/operators", body: ["name": name, "role": role], columns: ["name", "role", "token"])
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Who holds tokens.")
    @OptionGroup var access: Access

    func run() async throws {
      try await access.with { server in Console.write(try await server.send("GET", "/v1/operators") + [0x0A]) }
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A token ends.")
    @OptionGroup var access: Access
    @Argument(help: "The name it was given.") var name: String

    func run() async throws { try await access.print("DELETE", "/v1/operators/\(name)") }
  }
}

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copies the store, while it is written to, into backups/ of the data directory.",
    discussion: """
      Example: exam-server backup before-finals
      Keep copies of identity.key and blobs/ too: a backup without the key is another server.
      """)
  @OptionGroup var access: Access
  @Argument(help: "A name: letters, digits, hyphens, dots, underscores.") var name: String

  func run() async throws { try await access.print("POST", "/v1/backup", body: ["name": name]) }
}

struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Puts a backup in the store's place. Refused while a server runs.",
    discussion: """
      Example: exam-server restore /srv/exam/backups/before-finals.sqlite --data /srv/exam
      The old store is kept beside it. Devices notice that the server went back and send again what it lacks.
      """)
  @Argument(help: "The backup.") var backup: String
  @Option(help: "The data directory (or EXAMSYNC_DATA).") var data: String?

  func run() async throws {
    let kept = try DataDirectory(path: try dataPath(data)).restore(from: backup)
    print(kept.map { "restored; the store that was there is now \($0)" } ?? "restored")
  }
}

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Looks the data directory over: versions, settings, store, blobs, disk.")
  @Option(help: "The data directory (or EXAMSYNC_DATA).") var data: String?
  @Option(help: "text for people, json for machines.") var output = OutputFormat.text

  func run() async throws {
    let findings = Doctor.examine(DataDirectory(path: try dataPath(data)))
    if output == .json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      Console.write(Array(try encoder.encode(findings)) + [0x0A])
    } else {
      for finding in findings { print("\(finding.isGood ? "good" : "BAD ") \(finding.name): \(finding.detail)") }
    }
    if findings.contains(where: { !$0.isGood }) { throw CommandError(.damaged, "Not everything is good.") }
  }
}

struct RequestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "request", abstract: "Sends one request to the operator plane and prints the answer.",
    discussion: "Example: exam-server request GET /v1/statistics")
  @OptionGroup var access: Access
  @Argument(help: "GET, POST or DELETE.") var method: String
  @Argument(help: "The path.") var path: String
  @Option(help: "The body.") var body: String?

  func run() async throws {
    try await access.with { server in
      Console.write(try await server.send(method, path, body: Array((body ?? "").utf8)) + [0x0A])
    }
  }
}
