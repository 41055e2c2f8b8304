import ExamModel

/// Instants at which something may be due, the earliest first; at most one for each id.
///
/// **Rule**: an instant in the list is never later than the true one. Whoever takes it out looks at the truth, and puts
/// a later instant in where it was too early. So a transaction that fails can leave instants behind, but lose none.
struct DueList {
  struct Entry: Hashable {
    var at: Int64
    var id: ID128

    func precedes(_ other: Entry) -> Bool { (at, id) < (other.at, other.id) }
  }

  /// A binary heap; entries that are no more in `instants` are passed over.
  private var heap: [Entry] = []
  private var instants: [ID128: Int64] = [:]

  var count: Int { instants.count }

  /// The earliest instant.
  var first: Entry? {
    mutating get {
      while let top = heap.first, instants[top.id] != top.at { removeTop() }
      return heap.first
    }
  }

  /// Puts an instant in, unless an earlier one is there.
  mutating func lower(_ id: ID128, to at: Int64) {
    if let known = instants[id], known <= at { return }
    instants[id] = at
    heap.append(Entry(at: at, id: id))
    var index = heap.count - 1
    while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// Takes the earliest instant out, if it is not after `now`.
  mutating func take(through now: Int64) -> Entry? {
    guard let entry = first, entry.at <= now else { return nil }
    instants[entry.id] = nil
    removeTop()
    return entry
  }

  private mutating func removeTop() {
    let last = heap.removeLast()
    guard !heap.isEmpty else { return }
    heap[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].precedes(heap[least]) {
        least = child
      }
      guard least != index else { return }
      heap.swapAt(index, least)
      index = least
    }
  }
}
