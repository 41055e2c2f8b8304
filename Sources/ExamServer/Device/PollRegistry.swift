import ExamModel
import NIOConcurrencyHelpers

/// The newest poll of each session: a new one makes the server answer the older one at once.
final class PollRegistry: Sendable {
  struct Entry: Sendable {
    var connection: DeviceConnection
    var number: UInt64
  }

  private let entries = NIOLockedValueBox<[ID128: Entry]>([:])

  /// Registers the session's newest poll.
  ///
  /// - Returns: the older one, which is to be answered now.
  func replace(_ session: ID128, with entry: Entry) -> Entry? {
    entries.withLockedValue { $0.updateValue(entry, forKey: session) }
  }

  /// Forgets a poll that was answered, unless a newer one took its place.
  func remove(_ session: ID128, _ entry: Entry) {
    entries.withLockedValue { entries in
      guard let current = entries[session], current.connection === entry.connection, current.number == entry.number
      else { return }
      entries[session] = nil
    }
  }

  var count: Int { entries.withLockedValue { $0.count } }
}
