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

  /// A statement's text, hashed by its length and its end alone: hashing all of it cost more than some statements do.
  /// Two texts that are equal there are still told apart, because equality looks at every byte.
  private struct Key: Hashable {
    static let hashedBytes = 12
    let text: String

    func hash(into hasher: inout Hasher) {
      let bytes = text.utf8
      var end: UInt64 = UInt64(truncatingIfNeeded: bytes.count)
      for byte in bytes.suffix(Self.hashedBytes) { end = (end &* 31) ^ UInt64(byte) }
      hasher.combine(end)
    }
  }

  private var slots: [Key: Slot] = [:]
  private var uses: UInt64 = 0

  var count: Int { slots.count }

  /// The cached statement for `sql`, reset and without bindings; `nil` if there is none or somebody still holds it.
  func take(_ sql: String) -> Statement? {
    guard let slot = slots[Key(text: sql)], isKnownUniquelyReferenced(&slot.statement) else { return nil }
    uses += 1
    slot.lastUse = uses
    slot.statement.recycle()
    return slot.statement
  }

  func contains(_ sql: String) -> Bool { slots[Key(text: sql)] != nil }

  func insert(_ statement: Statement, for sql: String) {
    if slots.count >= Self.capacity, let oldest = slots.min(by: { $0.value.lastUse < $1.value.lastUse }) {
      slots.removeValue(forKey: oldest.key)
    }
    uses += 1
    slots[Key(text: sql)] = Slot(statement, lastUse: uses)
  }

  func finalizeAll() {
    for slot in slots.values { slot.statement.finalize() }
    slots.removeAll()
  }
}
