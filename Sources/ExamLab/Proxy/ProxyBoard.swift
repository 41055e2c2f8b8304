import Synchronization

/// The counters of an engine, written by the loop and read by anybody.
final class ProxyBoard: Sendable {
  private let names: [String]
  private let counters: Mutex<[LinkCounters]>

  init(names: [String]) {
    self.names = names
    counters = Mutex(Array(repeating: LinkCounters(), count: names.count))
  }

  func change(_ link: Int, _ body: (inout LinkCounters) -> Void) {
    counters.withLock { body(&$0[link]) }
  }

  func read(_ link: Int) -> LinkCounters {
    counters.withLock { $0[link] }
  }

  func snapshot() -> ProxyCounters {
    let values = counters.withLock { $0 }
    return ProxyCounters(links: Dictionary(uniqueKeysWithValues: zip(names, values)))
  }
}
