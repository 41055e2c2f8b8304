import Synchronization

/// A place for one server of this process; it is free again when nobody holds it.
///
/// All tests begin at once. A hundred servers, each with its log-ins to compute, would leave none of them the processor
/// in time, nor the real processes beside them.
final class ServerPlace: Sendable {
  private struct Places {
    var free = 12
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private static let places = Mutex(Places())

  private init() {}

  /// Returns once a place is free; who came first is first.
  static func take() async -> ServerPlace {
    await withCheckedContinuation { continuation in
      let isFree = places.withLock { places in
        guard places.free > 0 else {
          places.waiting.append(continuation)
          return false
        }
        places.free -= 1
        return true
      }
      if isFree { continuation.resume() }
    }
    return ServerPlace()
  }

  deinit {
    let next = Self.places.withLock { places -> CheckedContinuation<Void, Never>? in
      guard places.waiting.isEmpty else { return places.waiting.removeFirst() }
      places.free += 1
      return nil
    }
    next?.resume()
  }
}
