import ExamModel

/// The invariants of the guarantees, by number.
package enum Invariant: Int, CaseIterable, Hashable, Comparable, Sendable, CustomStringConvertible {
  case i1 = 1, i2, i3, i4, i5, i6, i7, i8, i9, i10, i11, i12, i13, i14
  case i15, i16, i17, i18, i19, i20, i21, i22, i23, i24, i25, i26, i27, i28

  /// `I1` and so on.
  package var description: String { "I\(rawValue)" }

  package init?(_ name: String) {
    guard name.hasPrefix("I"), let number = Int(name.dropFirst()) else { return nil }
    self.init(rawValue: number)
  }

  package static func < (left: Invariant, right: Invariant) -> Bool { left.rawValue < right.rawValue }
}

/// One thing that must never be, and was.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
  package var invariant: Invariant
  package var trueMilliseconds: Int64
  package var node: SimNode
  /// What is wrong, in words for a person.
  package var what: String
  package var expected: String
  package var found: String

  package init(
    _ invariant: Invariant, _ trueMilliseconds: Int64, _ node: SimNode, _ what: String, expected: String, found: String
  ) {
    self.invariant = invariant
    self.trueMilliseconds = trueMilliseconds
    self.node = node
    self.what = what
    self.expected = expected
    self.found = found
  }

  package var description: String {
    "\(invariant) at \(trueMilliseconds) ms, \(node.name): \(what); expected \(expected), found \(found)"
  }
}

/// Decides one invariant after a run.
package protocol Checker: Sendable {
  var invariant: Invariant { get }

  /// What is wrong, and how many things were looked at. A run in which nothing was looked at proves nothing.
  func check(_ evidence: Evidence) -> Finding
}

/// The result of one checker.
package struct Finding: Sendable {
  package var violations: [Violation] = []
  package var checked = 0

  package init() {}

  /// Looks at one thing.
  package mutating func expect(_ holds: Bool, _ violation: @autoclosure () -> Violation) {
    checked += 1
    if !holds { violations.append(violation()) }
  }

  package mutating func add(_ other: Finding) {
    violations += other.violations
    checked += other.checked
  }
}

/// Decides something while the run goes on: for states that are gone at its end.
package protocol LiveChecker: AnyObject {
  /// Sees every event, in order.
  func observe(_ event: HistoryEvent)
  /// Sees a phone's store as it was read from its image after an opening, before anything else is done with it.
  func reopened(_ phone: PhoneDump, at trueMilliseconds: Int64) -> Finding
}
