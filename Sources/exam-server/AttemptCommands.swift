import ArgumentParser
import ExamServer
import Foundation

struct AttemptCommands: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attempt", abstract: "Attempts: list, show, find, release, reopen, void, hand in.",
    subcommands: [
      List.self, Show.self, Find.self, Release.self, Reopen.self, Void.self, VoidLock.self, HandIn.self,
      Revoke.self,
    ])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The attempts of an exam.")
    @OptionGroup var access: Access
    @Argument(help: "The exam's id.") var exam: String

    func run() async throws {
      try await access.printPages(
        "/v1/exams/\(exam)/attempts", columns: ["attempt", "number", "name", "username", "room", "lease", "isSealed"])
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "One attempt with its journals, locks and seal.")
    @OptionGroup var access: Access
    @Argument(help: "The attempt's id.") var attempt: String

    func run() async throws { try await access.print("GET", "/v1/attempts/\(attempt)") }
  }

  struct Find: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The attempt of a candidate, by number or user name.")
    @OptionGroup var access: Access
    @Argument(help: "The exam's id.") var exam: String
    @Argument(help: "Candidate number or user name.") var candidate: String

    func run() async throws {
      try await access.print("GET", "/v1/exams/\(exam)/attempts", query: ["candidate": candidate])
    }
  }

  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The next device that writes takes the attempt over.")
    @OptionGroup var access: Access
    @Argument(help: "The attempt's id.") var attempt: String
    @Option var reason: String

    func run() async throws {
      try await access.print("POST", "/v1/attempts/\(attempt)/release", body: ["reason": reason])
    }
  }

  struct Reopen: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "A sealed attempt may go on.")
    @OptionGroup var access: Access
    @Argument(help: "The attempt's id.") var attempt: String
    @Option var reason: String

    func run() async throws {
      try await access.print("POST", "/v1/attempts/\(attempt)/reopen", body: ["reason": reason])
    }
  }

  struct Void: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The attempt does not count.")
    @OptionGroup var access: Access
    @Argument(help: "The attempt's id.") var attempt: String
    @Option var reason: String

    func run() async throws {
      try await access.print("POST", "/v1/attempts/\(attempt)/void", body: ["reason": reason])
    }
  }

  struct VoidLock: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "void-lock", abstract: "One lock does not count towards the last one.")
    @OptionGroup var access: Access
    @Argument(help: "The attempt's id.") var attempt: String
    @Argument(help: "The lock's number.") var lock: UInt32
    @Option var reason: String

    func run() async throws {
      try await access.print("POST", "/v1/attempts/\(attempt)/locks/\(lock)/void", body: ["reason": reason])
    }
  }

  struct HandIn: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "hand-in", abstract: "Records the state so far for an attempt that no device seals.")
    @OptionGroup var access: Access
    @Argument(help: "The attempt's id.") var attempt: String
    @Option var reason: String

    func run() async throws {
      try await access.print("POST", "/v1/attempts/\(attempt)/hand-in", body: ["reason": reason])
    }
  }

  struct Revoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "All sessions and certificates of a candidate end.")
    @OptionGroup var access: Access
    @Argument(help: "The candidate's id.") var candidate: String
    @Option var reason: String

    func run() async throws {
      try await access.print("POST", "/v1/candidates/\(candidate)/revoke", body: ["reason": reason])
    }
  }
}

struct UnlockCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unlock", abstract: "Opens one lock: from here, or by a code to be read out.",
    discussion: """
      Examples:
        exam-server unlock ATTEMPT 1          the phone unlocks when it is reached
        exam-server unlock ATTEMPT 1 --code   the 8 digits for a phone without network
      """)

  @OptionGroup var access: Access
  @Argument(help: "The attempt's id.") var attempt: String
  @Argument(help: "The lock's number.") var lock: UInt32
  @Flag(help: "Print the code instead of sending the unlock.") var code = false

  func run() async throws {
    let path = "/v1/attempts/\(attempt)/locks/\(lock)/"
    if code { try await access.print("GET", path + "code") } else { try await access.print("POST", path + "unlock") }
  }
}

struct ExtendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extend", abstract: "More time: for one attempt, or for all of an exam.",
    discussion: "Example: exam-server extend --exam EXAM --by 10m --reason \"fire alarm\"")

  @OptionGroup var access: Access
  @Option(help: "The exam's id.") var exam: String?
  @Option(help: "The attempt's id.") var attempt: String?
  @Option(help: "Such as 10m.") var by: Span
  @Option var reason: String

  func validate() throws {
    guard (exam == nil) != (attempt == nil) else { throw ValidationError("Name either --exam or --attempt.") }
  }

  func run() async throws {
    let path = exam.map { "/v1/exams/\($0)/extend" } ?? "/v1/attempts/\(attempt ?? "")/extend"
    try await access.print("POST", path, body: ["milliseconds": by.milliseconds, "reason": reason])
  }
}

struct BoardCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "board", abstract: "How the room stands.")
  @OptionGroup var access: Access
  @Argument(help: "The exam's id.") var exam: String

  func run() async throws {
    try await access.printPages(
      "/v1/exams/\(exam)/board",
      columns: [
        "number", "name", "room", "phase", "answered", "lockCount", "lockedBy", "isUnlockSent", "hasReceipt",
        "differsFromReceipt", "isOverdue", "startCode", "trouble", "attempt",
      ])
  }
}
