import Foundation
import Glibc

/// A real `exam-client run` of the laboratory: asked line by line, killed, stopped, and started again on its store.
///
/// Confined to the thread that made it.
final class LabPhone {
  struct Setting: Sendable {
    var client: String
    var store: String
    var server: String
    var serverKey: String
    var errorFile: String
    /// Otherwise only the command `sync` sends anything.
    var syncsByItself = false
    /// `strace` and its options, which the phone then runs under.
    var tracer: [String] = []

    func tracing(_ tracer: [String]) -> Setting {
      var setting = self
      setting.tracer = tracer
      return setting
    }
  }

  /// What came of a question.
  enum Answer {
    case reply(LabReply)
    /// The process ended.
    case ended
    /// Nothing came in time.
    case silence
  }

  static let timeoutMilliseconds = 20_000
  private let process: ChildProcess
  /// How many replies came.
  private(set) var replyCount = 0

  init(_ setting: Setting) throws {
    var command =
      setting.tracer + [
        setting.client, "run", "-", "--store", setting.store, "--server", setting.server, "--server-key",
        setting.serverKey, "--output", "json",
      ]
    if !setting.syncsByItself { command.append("--no-automatic-sync") }
    process = try ChildProcess(command, errorFile: setting.errorFile)
  }

  var processID: pid_t { process.processID }

  /// The reply to a command; to the opening if there is none.
  func ask(_ command: String?, timeoutMilliseconds: Int = LabPhone.timeoutMilliseconds) -> Answer {
    if let command, !send(command) { return .ended }
    return receive(timeoutMilliseconds: timeoutMilliseconds)
  }

  /// Sends a command whose reply is read later; `false` if the process is gone.
  func send(_ command: String) -> Bool { process.send(command) }

  /// The next reply.
  func receive(timeoutMilliseconds: Int = LabPhone.timeoutMilliseconds) -> Answer {
    switch process.readLine(until: MonotonicClock.milliseconds + timeoutMilliseconds) {
    case .end: return .ended
    case .timeout: return .silence
    case .text(let line):
      replyCount += 1
      guard let reply = try? JSONDecoder().decode(LabReply.self, from: Data(line.utf8)) else { return .silence }
      return .reply(reply)
    }
  }

  /// A reply that has to be one, and has to say yes.
  ///
  /// - Throws: ``RoomError`` that names what was asked for.
  func succeed(
    _ what: String, _ command: String?, timeoutMilliseconds: Int = LabPhone.timeoutMilliseconds
  ) throws -> LabReply {
    switch ask(command, timeoutMilliseconds: timeoutMilliseconds) {
    case .reply(let reply) where reply.ok: return reply
    case .reply(let reply): throw RoomError("\(what): the phone refused: \(reply.error ?? "?") \(reply.message ?? "")")
    case .ended: throw RoomError("\(what): the phone ended")
    case .silence: throw RoomError("\(what): the phone said nothing for \(timeoutMilliseconds) ms")
    }
  }

  func kill() { process.kill() }

  func signal(_ number: Int32) { _ = Glibc.kill(process.processID, number) }

  /// The exit code, or minus the signal.
  @discardableResult
  func waitForEnd() -> Int32 { process.wait() }
}

/// What the laboratory reads of a phone's reply.
struct LabReply: Decodable, Sendable {
  var ok: Bool
  var reply: String?
  var error: String?
  var message: String?
  var attempt: String?
  var phase: String?
  var saved: Int?
  var pending: Int?
  var sequence: Int?
  var journal: String?
  var forks: Int?
  var answers: PhoneReply.Answers?
  var openMilliseconds: Double?
  var deadlineInMilliseconds: Int?
  var isStorageLow: Bool?

  enum CodingKeys: String, CodingKey {
    case ok, reply, error, message, attempt, phase, saved, pending, sequence, journal, forks, answers
    case openMilliseconds = "open_ms"
    case deadlineInMilliseconds = "deadline_in_ms"
    case isStorageLow = "storage_low"
  }

  /// The answers of a status, by item.
  var sheet: [String: String]? {
    if case .sheet(let values) = answers { values } else { nil }
  }
}
