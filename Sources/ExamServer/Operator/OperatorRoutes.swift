import ExamModel
import Foundation
import ServerCore
import SyncProtocol

/// One endpoint of the operator plane that is a command: its path, and how the command is put together. Who may give
/// a command is decided where it is carried out.
struct OperatorRoute: Sendable {
  var method: String
  /// Segments in braces are parameters.
  var path: [String]
  var summary: String
  var command: @Sendable (OperatorParameters) throws(Problem) -> OperatorCommand

  init(
    _ method: String, _ path: String, _ summary: String,
    _ command: @escaping @Sendable (OperatorParameters) throws(Problem) -> OperatorCommand
  ) {
    self.method = method
    self.path = path.split(separator: "/").map(String.init)
    self.summary = summary
    self.command = command
  }

  /// The parameters of a path that fits; `nil` for another path.
  func match(_ segments: [String]) -> [String: String]? {
    guard segments.count == path.count else { return nil }
    var parameters: [String: String] = [:]
    for (pattern, segment) in zip(path, segments) {
      if pattern.hasPrefix("{") {
        parameters[String(pattern.dropFirst().dropLast())] = segment
      } else if pattern != segment {
        return nil
      }
    }
    return parameters
  }
}

/// The table of the operator plane. The endpoints that take more than a command (`roster`, `papers`, `operators`,
/// `backup`) are in `OperatorService`.
enum OperatorRoutes {
  static let all: [OperatorRoute] = exams + attempts + reading + people

  private static let exams: [OperatorRoute] = [
    OperatorRoute("GET", "/v1/exams", "All exams.") { (request) throws(Problem) in
      .listExams(try request.page())
    },
    OperatorRoute("POST", "/v1/exams", "A new exam: an exam draft.") { (request) throws(Problem) in
      .createExam(try request.decode(ExamDraft.self))
    },
    OperatorRoute("GET", "/v1/exams/{exam}", "One exam.") { (request) throws(Problem) in
      .showExam(exam: try request.id("exam"))
    },
    OperatorRoute("POST", "/v1/exams/{exam}/postpone", "Other times, before the opening.") {
      (request) throws(Problem) in
      let body = try request.decode(PostponeBody.self)
      return .postponeExam(exam: try request.id("exam"), opensAt: body.opensAt, closesAt: body.closesAt)
    },
    OperatorRoute("POST", "/v1/exams/{exam}/cancel", "The exam does not take place.") { (request) throws(Problem) in
      .cancelExam(exam: try request.id("exam"), reason: try request.reason())
    },
    OperatorRoute("POST", "/v1/exams/{exam}/announcements", "A text for all its candidates.") {
      (request) throws(Problem) in
      .announce(exam: try request.id("exam"), text: try request.decode(TextBody.self).text)
    },
    OperatorRoute("POST", "/v1/exams/{exam}/extend", "More time for every attempt, at once; `pending` records follow.")
    {
      (request) throws(Problem) in
      let body = try request.decode(ExtendBody.self)
      return .extendExam(exam: try request.id("exam"), milliseconds: body.milliseconds, reason: body.reason)
    },
  ]

  private static let attempts: [OperatorRoute] = [
    OperatorRoute("GET", "/v1/exams/{exam}/attempts", "The exam's attempts.") {
      (request) throws(Problem) in
      if let candidate = request.query["candidate"] {
        return .findAttempt(exam: try request.id("exam"), candidate: candidate)
      }
      return .listAttempts(exam: try request.id("exam"), page: try request.page())
    },
    OperatorRoute("GET", "/v1/attempts/{attempt}", "One attempt.") { (request) throws(Problem) in
      .showAttempt(attempt: try request.id("attempt"))
    },
    OperatorRoute("POST", "/v1/attempts/{attempt}/release", "The next device takes it over.") {
      (request) throws(Problem) in
      .releaseLease(attempt: try request.id("attempt"), reason: try request.reason())
    },
    OperatorRoute("POST", "/v1/attempts/{attempt}/reopen", "A sealed attempt may go on.") { (request) throws(Problem) in
      .reopen(attempt: try request.id("attempt"), reason: try request.reason())
    },
    OperatorRoute("POST", "/v1/attempts/{attempt}/void", "The attempt does not count.") { (request) throws(Problem) in
      .voidAttempt(attempt: try request.id("attempt"), reason: try request.reason())
    },
    OperatorRoute("POST", "/v1/attempts/{attempt}/hand-in", "Records the state so far, if no device seals.") {
      (request) throws(Problem) in
      .forceHandIn(attempt: try request.id("attempt"), reason: try request.reason())
    },
    OperatorRoute("POST", "/v1/attempts/{attempt}/extend", "More time for one attempt.") {
      (request) throws(Problem) in
      let body = try request.decode(ExtendBody.self)
      return .extendAttempt(
        attempt: try request.id("attempt"), milliseconds: body.milliseconds, reason: body.reason)
    },
    OperatorRoute("POST", "/v1/attempts/{attempt}/locks/{number}/unlock", "Opens one lock.") {
      (request) throws(Problem) in
      .unlock(attempt: try request.id("attempt"), number: try request.number("number"))
    },
    OperatorRoute("GET", "/v1/attempts/{attempt}/locks/{number}/code", "The code of one lock.") {
      (request) throws(Problem) in
      .unlockCode(attempt: try request.id("attempt"), number: try request.number("number"))
    },
    OperatorRoute("POST", "/v1/attempts/{attempt}/locks/{number}/void", "One lock does not count.") {
      (request) throws(Problem) in
      .voidLock(
        attempt: try request.id("attempt"), number: try request.number("number"), reason: try request.reason())
    },
  ]

  private static let reading: [OperatorRoute] = [
    OperatorRoute("GET", "/v1/exams/{exam}/board", "The proctor's board.") { (request) throws(Problem) in
      .board(exam: try request.id("exam"), page: try request.page())
    },
    OperatorRoute("GET", "/v1/exams/{exam}/answers", "What counts, question by question.") {
      (request) throws(Problem) in
      .exportAnswers(exam: try request.id("exam"), page: try request.page())
    },
    OperatorRoute("GET", "/v1/exams/{exam}/journals", "Every entry, as pushed.") { (request) throws(Problem) in
      .exportJournals(exam: try request.id("exam"), page: try request.page())
    },
    OperatorRoute("GET", "/v1/exams/{exam}/receipts", "Every receipt.") { (request) throws(Problem) in
      .exportReceipts(exam: try request.id("exam"), page: try request.page())
    },
    OperatorRoute("GET", "/v1/exams/{exam}/dispositions", "Entries kept but not applied.") {
      (request) throws(Problem) in
      .exportDispositions(exam: try request.id("exam"), page: try request.page())
    },
    OperatorRoute("GET", "/v1/roots", "The signed roots of all receipts.") { (request) throws(Problem) in
      .exportRoots(try request.page())
    },
    OperatorRoute("GET", "/v1/audit", "Who did what.") { (request) throws(Problem) in
      .exportAudit(try request.page())
    },
    OperatorRoute("GET", "/v1/statistics", "Counts.") { (_) throws(Problem) in .statistics },
  ]

  private static let people: [OperatorRoute] = [
    OperatorRoute("GET", "/v1/operators", "Who holds tokens.") { (_) throws(Problem) in .listOperators },
    OperatorRoute("DELETE", "/v1/operators/{name}", "A token ends.") { (request) throws(Problem) in
      .revokeOperator(name: request.parameters["name"] ?? "")
    },
    OperatorRoute("POST", "/v1/candidates/{candidate}/revoke", "All sessions of a candidate end.") {
      (request) throws(Problem) in
      .revokeSessions(candidate: try request.id("candidate"), reason: try request.reason())
    },
  ]
}

private struct PostponeBody: Decodable {
  var opensAt: Int64
  var closesAt: Int64
}

private struct TextBody: Decodable {
  var text: String
}

private struct ExtendBody: Decodable {
  var milliseconds: Int64
  var reason: String
}

private struct ReasonBody: Decodable {
  var reason: String
}

/// The parts of a request that a command is made of, read strictly.
struct OperatorParameters: Sendable {
  var parameters: [String: String]
  var query: [String: String]
  var body: [UInt8]

  func id(_ name: String) throws(Problem) -> ID128 {
    guard let id = ID128(hex: parameters[name] ?? "") else {
      throw Problem(.invalidValue, "\(name) is an id of 32 hexadecimal digits, as the lists show it.")
    }
    return id
  }

  func number(_ name: String) throws(Problem) -> UInt32 {
    guard let number = UInt32(parameters[name] ?? ""), number > 0 else {
      throw Problem(.invalidValue, "\(name) is a whole number from 1.")
    }
    return number
  }

  func page() throws(Problem) -> PageRequest {
    let limit = query["limit"] ?? "50"
    guard let rows = Int(limit), (1...OperatorLimits.pageRows).contains(rows) else {
      throw Problem(.invalidValue, "limit is a whole number from 1 to \(OperatorLimits.pageRows).")
    }
    return PageRequest(after: query["after"], limit: rows)
  }

  func decode<Value: Decodable>(_ type: Value.Type) throws(Problem) -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(body))
    } catch let DecodingError.keyNotFound(key, _) {
      throw Problem(.invalidValue, "The body lacks \(key.stringValue).")
    } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context),
      let DecodingError.dataCorrupted(context)
    {
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw Problem(.invalidValue, "The body is not what this endpoint takes: \(path) \(context.debugDescription)")
    } catch {
      throw Problem(.unreadableBody, "The body is not JSON.")
    }
  }

  func reason() throws(Problem) -> String { try decode(ReasonBody.self).reason }
}
