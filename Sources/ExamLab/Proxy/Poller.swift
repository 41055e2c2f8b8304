import Glibc

/// Waits for many sockets at once with poll(2).
///
/// Only sockets with an interest are watched: poll reports hang-ups of all others too, and a link that does not read
/// would make the loop spin.
struct Poller {
  static let readable = Int16(POLLIN)
  static let writable = Int16(POLLOUT)

  /// A socket about which there is news, under the token it was watched with.
  struct Ready {
    var token: Token
    var canRead: Bool
    var canWrite: Bool
  }

  /// What the loop watches.
  enum Token: Hashable, Sendable {
    case wake
    case listener(link: Int)
    case phone(UInt64)
    case server(UInt64)
    case duplicate(UInt64)
  }

  private var entries: [pollfd] = []
  private var tokens: [Token] = []
  private var indices: [Int32: Int] = [:]

  /// Watches a socket for these events; 0 takes it out.
  mutating func watch(_ descriptor: Int32, _ events: Int16, token: Token) {
    if let index = indices[descriptor] {
      if events != 0 {
        entries[index].events = events
        tokens[index] = token
        return
      }
      let last = entries.count - 1
      entries.swapAt(index, last)
      tokens.swapAt(index, last)
      indices[entries[index].fd] = index
      indices[descriptor] = nil
      entries.removeLast()
      tokens.removeLast()
    } else if events != 0 {
      indices[descriptor] = entries.count
      entries.append(pollfd(fd: descriptor, events: events, revents: 0))
      tokens.append(token)
    }
  }

  /// Waits until something is ready or the time is over; nil waits for ever.
  mutating func wait(milliseconds: Int?) -> [Ready] {
    let limit = milliseconds.map { Int32(clamping: $0) } ?? -1
    let count = poll(&entries, nfds_t(entries.count), limit)
    guard count > 0 else { return [] }
    var ready: [Ready] = []
    ready.reserveCapacity(Int(count))
    for (entry, token) in zip(entries, tokens) where entry.revents != 0 {
      // An error or a hang-up shows itself by the read or write that follows.
      let broken = Int32(entry.revents) & (POLLERR | POLLHUP | POLLNVAL) != 0
      ready.append(
        Ready(
          token: token, canRead: broken || entry.revents & Self.readable != 0,
          canWrite: broken || entry.revents & Self.writable != 0))
    }
    return ready
  }
}

/// The clock of all processes of this machine (CLOCK_MONOTONIC).
enum ProxyClock {
  static let nanosecondsPerMillisecond: UInt64 = 1_000_000

  static func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
