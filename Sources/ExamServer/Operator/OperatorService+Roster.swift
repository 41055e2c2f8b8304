import ExamModel
import Foundation
import PaperImport
import ServerCore
import SyncProtocol

/// What a roster import answers: once more than the store keeps, because the first passwords are in it.
public struct RosterHandOut: Codable, Sendable {
  public struct Row: Codable, Sendable {
    public var number: String
    public var name: String
    public var username: String
    public var password: String
    public var specialty: String
    public var room: String
    public var candidate: String
    public var attempt: String
    public var isNew: Bool
  }

  public var rows: [Row]
  public var serverAddress: String
  public var serverKey: String
}

/// `POST /v1/exams/{exam}/roster`: a CSV table of at most 200 candidates.
extension OperatorService {
  func importRoster(
    _ exam: ID128, _ request: OperatorRequest, by identity: OperatorIdentity
  ) async throws -> OperatorAnswer {
    let candidates: [RosterCandidate]
    do {
      candidates = try RosterImporter.load(bytes: request.body, file: "roster.csv")
    } catch {
      throw Problem(.invalidValue, error.description)
    }
    guard candidates.count <= OperatorLimits.rosterRows else {
      throw Problem(.tooLarge, "At most \(OperatorLimits.rosterRows) candidates are taken at a time. Split the roster.")
    }
    guard case .exam(let summary) = try await perform(.showExam(exam: exam), by: identity) else {
      throw Problem(.notFound, "There is no such exam. See exam-server exam list.")
    }
    let passwords = candidates.map { $0.password ?? firstPassword(of: $0.username) }
    let rows = try await prepared(candidates, passwords, exam: summary)
    let outcome = try await store(rows, in: exam, by: identity)
    var handOut = RosterHandOut(
      rows: [], serverAddress: address, serverKey: Hex.encode(self.identity.publicKey))
    for ((candidate, password), row) in zip(zip(candidates, passwords), outcome.rows) {
      handOut.rows.append(
        RosterHandOut.Row(
          number: candidate.number, name: candidate.name, username: candidate.username, password: password,
          specialty: candidate.specialty, room: candidate.room, candidate: row.candidate.hex,
          attempt: row.attempt.hex, isNew: row.isNew))
    }
    return try Self.json(handOut)
  }

  /// A bounded number of rows in one transaction, so that no phone waits for a roster. What fails half-way is sent
  /// again: importing a candidate twice changes nothing.
  private func store(
    _ rows: [PreparedRosterRow], in exam: ID128, by identity: OperatorIdentity
  ) async throws -> RosterOutcome {
    var outcome = RosterOutcome(rows: [])
    for start in stride(from: 0, to: rows.count, by: OperatorLimits.rosterRowsPerCommit) {
      let piece = Array(rows[start..<min(start + OperatorLimits.rosterRowsPerCommit, rows.count)])
      guard case .roster(let part) = try await perform(.importRoster(exam: exam, rows: piece), by: identity) else {
        throw Problem(.internal, "The server mixed up two answers. Send it again.")
      }
      outcome.rows += part.rows
    }
    return outcome
  }

  /// The same at each import, so that importing a roster twice gives the same hand-out; 50 bits under the server's own
  /// secret key.
  private func firstPassword(of username: String) -> String {
    let alphabet = Array("abcdefghjkmnpqrstuvwxyz23456789")
    let digest = Hash.sha256(
      Array("examsync first password v1".utf8) + identity.seed + Array(username.lowercased().utf8))
    return String(digest.bytes.prefix(10).map { alphabet[Int($0) % alphabet.count] })
  }

  private func prepared(
    _ candidates: [RosterCandidate], _ passwords: [String], exam: ExamSummary
  ) async throws -> [PreparedRosterRow] {
    let preparer = RosterPreparer(identity: identity)
    let maximumLocks = exam.policy.maximumLocks ?? AttemptPolicy().maximumLocks
    return try await withThrowingTaskGroup(of: (Int, PreparedRosterRow).self) { group in
      for (index, (candidate, password)) in zip(candidates, passwords).enumerated() {
        let line = RosterPreparer.Line(
          number: candidate.number, name: candidate.name, username: candidate.username, password: password,
          specialty: candidate.specialty, room: candidate.room)
        group.addTask {
          try await self.workers.run {
            var generator = SystemRandomNumberGenerator()
            guard
              let row = preparer.prepare(
                line, examCode: exam.code, maximumLocks: maximumLocks, using: &generator)
            else { throw Problem(.busy, "There is no memory for scrypt. Try again.", retryAfterSeconds: 5) }
            return (index, row)
          }
        }
      }
      var rows = [PreparedRosterRow?](repeating: nil, count: candidates.count)
      for try await (index, row) in group { rows[index] = row }
      return rows.compactMap { $0 }
    }
  }
}
