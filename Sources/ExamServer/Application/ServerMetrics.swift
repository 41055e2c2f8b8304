import SyncProtocol
import Synchronization

import struct NIOConcurrencyHelpers.NIOLockedValueBox

/// Counters of the running server; labels come from closed sets.
final class ServerMetrics: Sendable {
  enum Event: CaseIterable {
    case malformed
    case connectionRefused
  }

  private let calls = Atomic<Int>(0)
  private let commits = Atomic<Int>(0)
  private let commitNanoseconds = Atomic<Int>(0)
  private let slowestCommitNanoseconds = Atomic<Int>(0)
  private let blobs = Atomic<Int>(0)
  private let blobBytes = Atomic<Int>(0)
  private let malformed = Atomic<Int>(0)
  private let connectionsRefused = Atomic<Int>(0)
  private let problems = NIOLockedValueBox<[Problem.Kind: Int]>([:])

  func countCommit(calls count: Int, nanoseconds: Int64) {
    calls.add(count, ordering: .relaxed)
    commits.add(1, ordering: .relaxed)
    commitNanoseconds.add(Int(nanoseconds), ordering: .relaxed)
    slowestCommitNanoseconds.max(Int(nanoseconds), ordering: .relaxed)
  }

  func countBlob(bytes: Int) {
    blobs.add(1, ordering: .relaxed)
    blobBytes.add(bytes, ordering: .relaxed)
  }

  func count(_ event: Event) {
    switch event {
    case .malformed: malformed.add(1, ordering: .relaxed)
    case .connectionRefused: connectionsRefused.add(1, ordering: .relaxed)
    }
  }

  func count(_ kind: Problem.Kind) {
    problems.withLockedValue { $0[kind, default: 0] += 1 }
  }

  /// The Prometheus text format, version 0.0.4.
  func text(gauges: [(String, String, Int)]) -> String {
    var lines: [String] = []
    func add(_ name: String, _ help: String, _ kind: String, _ value: String) {
      lines.append("# HELP examsync_\(name) \(help)\n# TYPE examsync_\(name) \(kind)\nexamsync_\(name) \(value)")
    }
    func seconds(_ value: borrowing Atomic<Int>) -> String { "\(Double(value.load(ordering: .relaxed)) / 1e9)" }
    add("calls_total", "Calls that the writer performed.", "counter", "\(calls.load(ordering: .relaxed))")
    add("commits_total", "Transactions.", "counter", "\(commits.load(ordering: .relaxed))")
    add("commit_seconds_total", "Time spent in transactions.", "counter", seconds(commitNanoseconds))
    add("commit_seconds_max", "The slowest transaction since the start.", "gauge", seconds(slowestCommitNanoseconds))
    add("blobs_total", "Answers with a blob or a part of one.", "counter", "\(blobs.load(ordering: .relaxed))")
    add("blob_bytes_total", "Bytes of blobs sent.", "counter", "\(blobBytes.load(ordering: .relaxed))")
    add("malformed_total", "Requests that were not HTTP/1.1.", "counter", "\(malformed.load(ordering: .relaxed))")
    let refused = connectionsRefused.load(ordering: .relaxed)
    add("connections_refused_total", "Connections above a cap.", "counter", "\(refused)")
    for (name, help, value) in gauges { add(name, help, "gauge", "\(value)") }
    lines.append(
      "# HELP examsync_problems_total Problem details sent, by kind.\n# TYPE examsync_problems_total counter")
    let counts = problems.withLockedValue { $0 }
    for kind in Problem.Kind.allCases {
      lines.append("examsync_problems_total{kind=\"\(kind.rawValue)\"} \(counts[kind] ?? 0)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
