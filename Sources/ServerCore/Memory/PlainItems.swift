import SyncWire

/// The items of an exam by their short ids, and which single options they take: what ``ExamEntry`` says of them, laid
/// out so that thousands of answers can be looked up for one commit.
///
/// Items whose ids are longer than ``ShortText`` or are not ASCII are left out: their answers are judged one by one.
final class PlainItems: Sendable {
  private struct Item {
    var key: ShortText
    var id: String
    /// Of the newest version.
    var section: String
    var options: Range<Int>
  }

  private struct Option {
    var key: ShortText
    /// Of the newest version that takes it.
    var section: String
  }

  private let items: [Item]
  private let options: [Option]
  /// Places in ``items``, −1 for none; a power of two of them, at least half of them empty.
  private let table: [Int32]

  init(_ forms: [String: [PaperItem]]) {
    var items: [Item] = []
    var options: [Option] = []
    for (id, versions) in forms.sorted(by: { $0.key < $1.key }) {
      guard let key = ShortText(id.utf8), let newest = versions.first else { continue }
      let start = options.count
      for version in versions {
        guard case .options(let ids, _) = version.form else { continue }
        for option in ids {
          guard let key = ShortText(option.utf8), !options[start...].contains(where: { $0.key == key }) else {
            continue
          }
          options.append(Option(key: key, section: version.section))
        }
      }
      items.append(Item(key: key, id: id, section: newest.section, options: start..<options.count))
    }
    var size = 16
    while size < 2 * items.count { size *= 2 }
    var table = [Int32](repeating: -1, count: size)
    for (index, item) in items.enumerated() {
      var slot = Int(truncatingIfNeeded: item.key.spread) & (size - 1)
      while table[slot] >= 0 { slot = (slot + 1) & (size - 1) }
      table[slot] = Int32(index)
    }
    self.items = items
    self.options = options
    self.table = table
  }

  var count: Int { items.count }

  /// Finds the item of each entry, and that it takes the entry's option where that is all the entry holds.
  ///
  /// - Parameter places: filled with one place for each entry; −1 for a visit, which may name anything.
  /// - Returns: `false` where an item is not known or an option is not taken.
  func find(_ entries: [PlainEntry], places: inout [Int32]) -> Bool {
    places.removeAll(keepingCapacity: true)
    return items.withUnsafeBufferPointer { items in
      options.withUnsafeBufferPointer { options in
        table.withUnsafeBufferPointer { table in
          for entry in entries {
            if case .visit = entry.action {
              places.append(-1)
              continue
            }
            guard let index = Self.index(of: entry.item, items, table) else { return false }
            if case .choose = entry.action {
              guard Self.takes(entry.option, items[index], options) else { return false }
            }
            places.append(Int32(truncatingIfNeeded: index))
          }
          return true
        }
      }
    }
  }

  @inline(__always)
  private static func takes(_ option: ShortText, _ item: Item, _ options: UnsafeBufferPointer<Option>) -> Bool {
    for place in item.options where options[place].key == option { return true }
    return false
  }

  @inline(__always)
  private static func index(
    of key: ShortText, _ items: UnsafeBufferPointer<Item>, _ table: UnsafeBufferPointer<Int32>
  ) -> Int? {
    let mask = table.count - 1
    var slot = Int(truncatingIfNeeded: key.spread) & mask
    while true {
      let index = Int(table[slot])
      guard index >= 0 else { return nil }
      if items[index].key == key { return index }
      slot = (slot + 1) & mask
    }
  }

  func id(at index: Int) -> String { items[index].id }

  /// The section that an item belongs to now.
  func section(at index: Int) -> String { items[index].section }

  /// The section of the version that takes an option of the item.
  func section(of option: ShortText, at index: Int) -> String? {
    options[items[index].options].first { $0.key == option }?.section
  }
}
