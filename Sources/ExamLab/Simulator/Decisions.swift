package import SyncCore

/// What a choice of the simulator is about. Each concern of each node has a counter of its own, so that one choice
/// more of one kind never shifts another: that is what lets a plan be cut down and still mean the same.
package enum Concern: UInt8, CaseIterable, Sendable {
  /// Which fault families a run has, and how strong.
  case swarm
  /// The long events of a run: partitions, server deaths, restores, herds.
  case nemesis
  /// What a candidate does next.
  case action
  /// What a proctor does next.
  case proctor
  /// What becomes of a request on its way up.
  case request
  /// What becomes of a response on its way down.
  case response
  /// How long a message takes.
  case latency
  /// When a link goes down and comes up.
  case link
  /// Where a process dies.
  case kill
  /// At which call of the disk the power goes.
  case powerCut
  /// What becomes of an unsynced write at a power cut.
  case unsynced
  /// Which call of the disk fails, and how.
  case diskError
  /// Damage to files at rest.
  case damage
  /// Jumps and drift of clocks, suspend and reboot.
  case clock
  /// Whether an earlier version had written a file.
  case update
}

/// Names one choice: the `index`th of a concern of a node. Stable under every change to other choices.
package struct DecisionLabel: Hashable, Comparable, Sendable {
  package var concern: Concern
  /// 0 is the world; servers, phones and proctors follow.
  package var node: UInt16
  package var index: UInt32

  package init(_ concern: Concern, node: UInt16, index: UInt32) {
    self.concern = concern
    self.node = node
    self.index = index
  }

  package static func < (left: DecisionLabel, right: DecisionLabel) -> Bool {
    (left.concern.rawValue, left.node, left.index) < (right.concern.rawValue, right.node, right.index)
  }
}

/// One choice that was not the default.
package struct Decision: Hashable, Sendable {
  package var label: DecisionLabel
  /// Never 0: 0 is the default, and the default of every choice is that nothing happens.
  package var value: Int64

  package init(_ label: DecisionLabel, _ value: Int64) {
    self.label = label
    self.value = value
  }
}

/// Every choice of a run: drawn from a seed, or taken from a plan.
///
/// **Rule**: 0 is the default of every choice and means *no fault*, *nothing happens*. In a plan a choice that is not
/// listed is 0, and a listed choice that is never asked for is without effect.
///
/// Drawing is a pure function of (seed, concern, node, index): the order in which choices are asked for does not
/// matter, and a choice of one concern never changes another.
package final class Decisions {
  package let seed: UInt64
  private let plan: [DecisionLabel: Int64]?
  private var counters: [UInt32: UInt32] = [:]
  /// What was chosen and was not the default, in the order in which it was asked for.
  package private(set) var taken: [Decision] = []

  /// Choices from a seed.
  package init(seed: UInt64) {
    self.seed = seed
    plan = nil
  }

  /// Choices from a plan that was recorded with this seed; the seed still drives what is no choice, such as ids.
  package init(seed: UInt64, plan: [Decision]) {
    self.seed = seed
    self.plan = Dictionary(plan.map { ($0.label, $0.value) }) { first, _ in first }
  }

  package var isReplaying: Bool { plan != nil }

  /// The next choice of a concern of a node.
  ///
  /// - Parameter draw: the choice from a generator that belongs to this choice alone; not called in a replay.
  package func next(_ concern: Concern, node: UInt16, _ draw: (inout SeededGenerator) -> Int64) -> Int64 {
    let key = UInt32(concern.rawValue) << 16 | UInt32(node)
    let index = counters[key, default: 0]
    counters[key] = index &+ 1
    let label = DecisionLabel(concern, node: node, index: index)
    let value: Int64
    if let plan {
      value = plan[label] ?? 0
    } else {
      var generator = Self.generator(seed: seed, label)
      value = draw(&generator)
    }
    if value != 0 { taken.append(Decision(label, value)) }
    return value
  }

  /// `true` with a probability of `perMillion` in a million.
  package func chance(_ concern: Concern, node: UInt16, perMillion: Int) -> Bool {
    next(concern, node: node) { Int($0.next() % 1_000_000) < perMillion ? 1 : 0 } != 0
  }

  private static func generator(seed: UInt64, _ label: DecisionLabel) -> SeededGenerator {
    let place = UInt64(label.concern.rawValue) << 48 | UInt64(label.node) << 32 | UInt64(label.index)
    var mixer = SeededGenerator(seed: seed ^ (place &* 0xD6E8_FEB8_6659_FD93))
    return SeededGenerator(seed: mixer.next() ^ place)
  }
}

extension SeededGenerator {
  /// A number of the range, both ends included; always one step.
  package mutating func number(in range: ClosedRange<Int64>) -> Int64 {
    let width = UInt64(bitPattern: range.upperBound &- range.lowerBound) &+ 1
    guard width != 0 else { return Int64(bitPattern: next()) }
    return range.lowerBound &+ Int64(bitPattern: next().multipliedFullWidth(by: width).high)
  }
}
