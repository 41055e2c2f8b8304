import ExamModel
import SyncProtocol

/// A push as the server takes it: nothing allocated for each entry, and what can be read of the entries without a
/// journal's state read already.
package struct PackedPush: Hashable, Sendable {
  package var journal: ID128
  /// The attempt, or the candidate; on the wire only with `first` = 1.
  package var subject: ID128?
  package var first: UInt64
  package var bodies: PackedBodies
  /// The chain head after the last body, as the device says.
  package var head: Digest256
  package var lease: UInt32
  /// The entries, where each is of a plain kind.
  package var plain: PlainRun?

  package init(
    journal: ID128, subject: ID128?, first: UInt64, bodies: PackedBodies, head: Digest256, lease: UInt32
  ) {
    self.journal = journal
    self.subject = subject
    self.first = first
    self.bodies = bodies
    self.head = head
    self.lease = lease
    plain = PlainRun(bodies)
  }

  package init(_ push: Push) {
    self.init(
      journal: push.journal, subject: push.subject, first: push.first, bodies: PackedBodies(push.bodies),
      head: push.head, lease: push.lease)
  }

  package var last: UInt64 { first + UInt64(bodies.count) - 1 }
}
