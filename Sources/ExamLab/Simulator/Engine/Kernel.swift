import SyncCore

/// The one thread of a run: what happens next, in true time.
///
/// A binary heap of (true milliseconds, tie-break from the seed, number). Things that fall on one instant come in an
/// order that the seed draws, so that no order of the program's own is ever relied on.
final class Kernel {
  private struct Happening {
    var at: Int64
    var tie: UInt64
    var number: UInt64
    /// Of its work: the heap moves plain values about.
    var place: Int

    func isBefore(_ other: Happening) -> Bool {
      if at != other.at { return at < other.at }
      if tie != other.tie { return tie < other.tie }
      return number < other.number
    }
  }

  private var heap: [Happening] = []
  private var works: [(() -> Void)?] = []
  private var freePlaces: [Int] = []
  private var ties: SeededGenerator
  private var number: UInt64 = 0
  /// True milliseconds since the run began.
  private(set) var now: Int64 = 0
  private(set) var stepCount: UInt64 = 0

  init(seed: UInt64) {
    ties = SeededGenerator(seed: seed ^ 0x6B65_726E_656C)
    heap.reserveCapacity(256)
  }

  /// Does `work` at an instant; one that is over counts as now.
  func at(_ instant: Int64, _ work: @escaping () -> Void) {
    number += 1
    push(Happening(at: max(instant, now), tie: ties.next(), number: number, place: keep(work)))
  }

  private func keep(_ work: @escaping () -> Void) -> Int {
    if let place = freePlaces.popLast() {
      works[place] = work
      return place
    }
    works.append(work)
    return works.count - 1
  }

  private func release(_ place: Int) -> (() -> Void)? {
    let work = works[place]
    works[place] = nil
    freePlaces.append(place)
    return work
  }

  func after(_ milliseconds: Int64, _ work: @escaping () -> Void) {
    at(now + max(0, milliseconds), work)
  }

  /// Does everything up to and including an instant, while `goesOn` allows it.
  func run(until end: Int64, while goesOn: () -> Bool = { true }) {
    while let next = heap.first, next.at <= end, goesOn() {
      let happening = pop()
      now = happening.at
      stepCount += 1
      release(happening.place)?()
    }
    if goesOn() { now = max(now, end) }
  }

  /// Forgets everything that was still to come.
  func forget() {
    heap = []
    works = []
    freePlaces = []
  }

  // MARK: The heap

  private func push(_ happening: Happening) {
    heap.append(happening)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child].isBefore(heap[parent]) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private func pop() -> Happening {
    heap.swapAt(0, heap.count - 1)
    let first = heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      let left = 2 * parent + 1
      if left < heap.count, heap[left].isBefore(heap[least]) { least = left }
      if left + 1 < heap.count, heap[left + 1].isBefore(heap[least]) { least = left + 1 }
      guard least != parent else { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
