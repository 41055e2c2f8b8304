import CSQLite

/// Prepared statements by their text. The least recently used one leaves when the cache is full.
final class StatementCache {
  /// More than all the statements of a store; reached only by SQL that is put together at run time.
  static let capacity = 256

  private final class Slot {
    var statement: Statement
    var lastUse: UInt64

    init(_ statement: Statement, lastUse: UInt64) {
      self.statement = statement
      self.lastUse = lastUse
    }
  }

  private var slots: [String: Slot] = [:]
  private var uses: UInt64 = 0

  var count: Int { slots.count }

  /// The cached statement for `sql`, reset and without bindings; `nil` if there is none or somebody still holds it.
  func take(_ sql: String) -> Statement? {
    guard let slot = slots[sql], isKnownUniquelyReferenced(&slot.statement) else { return nil }
    uses += 1
    slot.lastUse = uses
    slot.statement.recycle()
    return slot.statement
  }

  func contains(_ sql: String) -> Bool { slots[sql] != nil }

  func insert(_ statement: Statement, for sql: String) {
    if slots.count >= Self.capacity, let oldest = slots.min(by: { $0.value.lastUse < $1.value.lastUse }) {
      slots.removeValue(forKey: oldest.key)
    }
    uses += 1
    slots[sql] = Slot(statement, lastUse: uses)
  }

  func finalizeAll() {
    for slot in slots.values { slot.statement.finalize() }
    slots.removeAll()
  }
}
