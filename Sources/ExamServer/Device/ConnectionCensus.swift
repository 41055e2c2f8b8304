import NIOConcurrencyHelpers

/// Counts open connections, in total and by address.
final class ConnectionCensus: Sendable {
  private struct Counts {
    var total = 0
    var byAddress: [String: Int] = [:]
  }

  private let counts = NIOLockedValueBox(Counts())
  private let total: Int
  private let perAddress: Int

  init(total: Int, perAddress: Int) {
    self.total = total
    self.perAddress = perAddress
  }

  /// `false`: there are too many already; nothing was counted.
  func admit(_ address: String) -> Bool {
    counts.withLockedValue { counts in
      guard counts.total < total, counts.byAddress[address, default: 0] < perAddress else { return false }
      counts.total += 1
      counts.byAddress[address, default: 0] += 1
      return true
    }
  }

  func leave(_ address: String) {
    counts.withLockedValue { counts in
      counts.total -= 1
      if let count = counts.byAddress[address] { counts.byAddress[address] = count > 1 ? count - 1 : nil }
    }
  }

  var count: Int { counts.withLockedValue { $0.total } }
}
