import NIOConcurrencyHelpers

/// Limits tries of a user name from one address. By both, so that nobody can lock a neighbour out from elsewhere, and
/// a school behind one address is not one candidate.
final class LoginThrottle: Sendable {
  private struct Window {
    var startedAt: Int64
    var tries: Int
  }

  private static let windowMilliseconds: Int64 = 60_000
  /// Bounds the memory: above it the oldest windows are forgotten.
  private static let capacity = 65_536

  private let windows = NIOLockedValueBox<[String: Window]>([:])
  private let triesPerMinute: Int

  init(triesPerMinute: Int) {
    self.triesPerMinute = triesPerMinute
  }

  /// Counts a try.
  ///
  /// - Returns: the seconds to wait where there were too many, else `nil`.
  func countTry(username: String, address: String, now: Int64) -> Int? {
    let key = address + "\n" + username.lowercased()
    return windows.withLockedValue { windows in
      if windows.count >= Self.capacity {
        windows = windows.filter { now - $0.value.startedAt < Self.windowMilliseconds }
      }
      if windows.count >= Self.capacity { windows.removeAll() }
      var window = windows[key] ?? Window(startedAt: now, tries: 0)
      if now - window.startedAt >= Self.windowMilliseconds || now < window.startedAt {
        window = Window(startedAt: now, tries: 0)
      }
      window.tries += 1
      windows[key] = window
      guard window.tries > triesPerMinute else { return nil }
      return Int((window.startedAt + Self.windowMilliseconds - now + 999) / 1_000)
    }
  }

  /// A right password ends the counting.
  func forget(username: String, address: String) {
    windows.withLockedValue { $0[address + "\n" + username.lowercased()] = nil }
  }
}
