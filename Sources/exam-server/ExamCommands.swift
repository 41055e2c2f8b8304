import ArgumentParser
import ExamServer
import Foundation

struct ExamCommands: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exam", abstract: "Exams: create, list, postpone, cancel, announce.",
    subcommands: [Create.self, List.self, Show.self, Postpone.self, Cancel.self, Announce.self])

  static let columns = ["exam", "title", "code", "opensAt", "closesAt", "paperVersion", "attempts", "isCancelled"]

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A new exam.",
      discussion: "Example: exam-server exam create --title Finals --opens +10m --closes +2h --duration 90m")

    @OptionGroup var access: Access
    @Option var title: String
    @Option(help: "T0: ISO 8601, milliseconds since 1970, or +10m.") var opens: Instant
    @Option(help: "The bell.") var closes: Instant
    @Option(help: "Each candidate's own time, such as 90m; without it, until the bell.") var duration: Span?
    @Option var specialty = ""
    @Option(help: "6 digits; without it, drawn.") var code: String?
    @Option(name: .customLong("max-locks"), help: "The lock that hands in by itself; 0 for never.")
    var maximumLocks: UInt32?
    @Option(help: "A cause that does not lock, such as screen_off; may be repeated.") var exempt: [String] = []
    @Flag(help: "A restart of the app locks.") var restartLocks = false
    @Option(help: "A field that is asked before the start; may be repeated.") var information: [String] = []
    @Option(help: "The lowest version of the app that may join.") var minimumAppVersion: String?

    func run() async throws {
      var policy: [String: Any] = [:]
      if let maximumLocks { policy["maximumLocks"] = Int(maximumLocks) }
      if !exempt.isEmpty { policy["exemptCauses"] = exempt }
      if restartLocks { policy["restartLocks"] = true }
      if !information.isEmpty { policy["informationFields"] = information }
      if let minimumAppVersion { policy["minimumAppVersion"] = minimumAppVersion }
      var draft: [String: Any] = [
        "title": title, "opensAt": opens.milliseconds, "closesAt": closes.milliseconds, "specialty": specialty,
        "policy": policy,
      ]
      if let duration { draft["durationMilliseconds"] = duration.milliseconds }
      if let code { draft["code"] = code }
      try await access.print("POST", "/v1/exams", body: draft, columns: columns)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "All exams.")
    @OptionGroup var access: Access

    func run() async throws { try await access.printPages("/v1/exams", columns: columns) }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "One exam.")
    @OptionGroup var access: Access
    @Argument(help: "The exam's id.") var exam: String

    func run() async throws { try await access.print("GET", "/v1/exams/\(exam)") }
  }

  struct Postpone: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Other times, while the exam has not opened.")
    @OptionGroup var access: Access
    @Argument(help: "The exam's id.") var exam: String
    @Option var opens: Instant
    @Option var closes: Instant

    func run() async throws {
      try await access.print(
        "POST", "/v1/exams/\(exam)/postpone",
        body: ["opensAt": opens.milliseconds, "closesAt": closes.milliseconds], columns: columns)
    }
  }

  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The exam does not take place.")
    @OptionGroup var access: Access
    @Argument(help: "The exam's id.") var exam: String
    @Option var reason: String

    func run() async throws {
      try await access.print("POST", "/v1/exams/\(exam)/cancel", body: ["reason": reason], columns: columns)
    }
  }

  struct Announce: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A text for all candidates of the exam.")
    @OptionGroup var access: Access
    @Argument(help: "The exam's id.") var exam: String
    @Argument(help: "The text.") var text: String

    func run() async throws {
      try await access.print("POST", "/v1/exams/\(exam)/announcements", body: ["text": text])
    }
  }
}

struct RosterCommands: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "roster", abstract: "Rosters.", subcommands: [Import.self])

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Imports candidates from a CSV table and writes their hand-out.",
      discussion: """
        Example: exam-server roster import EXAM roster.csv --hand-out cards.csv
        The table's first line names its columns: number, name, username and, if wanted, password, specialty, room. \
        The hand-out holds first passwords: keep it as you keep those. Importing again changes nothing.
        """)

    @OptionGroup var access: Access
    @Argument(help: "The exam's id.") var exam: String
    @Argument(help: "The CSV table.") var roster: String
    @Option(help: "Where the hand-out goes; without it, to standard output.") var handOut: String?

    func run() async throws {
      let parts = try Uploads.roster(roster)
      var table = HandOutTable()
      try await access.with { access in
        for part in parts {
          try table.add(try await access.send("POST", "/v1/exams/\(exam)/roster", body: part))
          Console.note("\(table.count) candidates")
        }
      }
      guard let handOut else { return Console.write(table.csv) }
      try table.write(to: handOut)
      print("\(table.count) candidates, \(table.newCandidates) of them new in this exam; hand-out in \(handOut)")
    }
  }
}

struct PaperCommands: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "paper", abstract: "Papers.", subcommands: [Publish.self, List.self])

  struct Publish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Checks, seals and publishes a paper's folder or file.",
      discussion: "Example: exam-server paper publish EXAM SampleData/medical-en")

    @OptionGroup var access: Access
    @Argument(help: "The exam's id.") var exam: String
    @Argument(help: "A folder with paper.json, key.json and assets/, or one JSON file with its key.") var paper: String

    func run() async throws {
      let body = try Uploads.paper(paper)
      try await access.with { server in
        access.show(
          try await server.send("POST", "/v1/exams/\(exam)/papers", body: body), columns: ExamCommands.columns)
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The paper versions of all exams.")
    @OptionGroup var access: Access

    func run() async throws {
      try await access.printPages("/v1/exams", columns: ["exam", "title", "paperVersion", "isKeyReleased"])
    }
  }
}
