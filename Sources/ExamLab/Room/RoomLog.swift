import Foundation
import Glibc
import Synchronization

/// A file of JSON lines that several threads append to. Each line is handed to the system before `append` returns,
/// so it outlives every process that is killed afterwards.
final class RoomLog: Sendable {
  private let descriptor: Int32
  private let lock = Mutex(())

  init(path: String) throws {
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw RoomError("\(path) cannot be written: \(errnoText)") }
  }

  deinit { _ = close(descriptor) }

  func append(_ value: some Encodable) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard var data = try? encoder.encode(value) else { return }
    data.append(10)
    lock.withLock { _ in
      data.withUnsafeBytes { bytes in
        var offset = 0
        while offset < bytes.count {
          let count = write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
          if count < 0 && errno == EINTR { continue }
          guard count > 0 else { return }
          offset += count
        }
      }
    }
  }
}

/// A line of `intended.jsonl`: what a candidate means to do, before the phone hears of it, and what the phone said.
struct Intention: Codable, Sendable {
  enum Kind: String, Codable, Sendable {
    /// Written and flushed before the command is sent.
    case intend
    /// The phone said that it is saved.
    case confirm
    /// The phone said that it is not, and why.
    case refuse
  }

  var kind: Kind
  var candidate: String
  /// Counts the candidate's intentions.
  var n: Int
  var item: String
  /// As `exam-client` takes it; empty for cleared.
  var value: String
  var atMilliseconds: Int
  var sequence: Int?
  var reason: String?
  /// The command was sent again after a kill, so its first sending may have taken effect.
  var isRepeated: Bool?
}

/// A line of `events.jsonl`: what happened to a phone, for the timeline.
struct PhoneEvent: Codable, Sendable {
  enum Kind: String, Codable, Sendable {
    case login, joined, started, kill, restarted, lock, unlock, submit, sealed, receipt, status, missing, serverKill
    case serverUp, opens, bell
  }

  var kind: Kind
  var candidate: String
  /// CLOCK_MONOTONIC.
  var atMilliseconds: Int
  var pending: Int?
  var detail: String?
}
