/// A binary heap of things to look at later. Nothing is ever taken out early: an entry only says when to look again,
/// and looking too often does no harm.
struct TimerHeap<Element> {
  private struct Entry {
    var time: UInt64
    var order: UInt64
    var element: Element

    func precedes(_ other: Entry) -> Bool {
      time != other.time ? time < other.time : order < other.order
    }
  }

  private var entries: [Entry] = []
  private var nextOrder: UInt64 = 0

  var nextTime: UInt64? { entries.first?.time }

  mutating func insert(_ element: Element, at time: UInt64) {
    entries.append(Entry(time: time, order: nextOrder, element: element))
    nextOrder += 1
    var index = entries.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard entries[index].precedes(entries[parent]) else { break }
      entries.swapAt(index, parent)
      index = parent
    }
  }

  /// Takes the earliest element that is due; among equals the one put in first.
  mutating func popDue(at now: UInt64) -> Element? {
    guard let first = entries.first, first.time <= now else { return nil }
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      sink()
    }
    return first.element
  }

  private mutating func sink() {
    var index = 0
    while true {
      var smallest = index
      for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
        if entries[child].precedes(entries[smallest]) { smallest = child }
      }
      guard smallest != index else { return }
      entries.swapAt(index, smallest)
      index = smallest
    }
  }
}
