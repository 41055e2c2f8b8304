/// The paper as one candidate meets it: which items are drawn, and in which order items and options stand.
///
/// A function of the paper and of the attempt's 64-bit order seed alone, the same in every language and on every
/// machine. Answers name ids and never positions, so the order never enters an answer.
public struct PresentationOrder: Hashable, Sendable {
  public var sections: [PresentedSection]

  /// Orders `paper` for `orderSeed`. Sections keep the paper's order. In each section, with `id` the section's:
  ///
  /// 1. The section's units are its groups (A3, A4, B1) and its items outside groups, in the paper's order.
  /// 2. If some are drawn, the positions of the units are shuffled with the stream `examsync order v1/pool/id`; the
  ///    first ``PaperSection/drawnUnits`` are kept and put back into the paper's order.
  /// 3. If items are shuffled, the kept units are, with the stream `examsync order v1/items/id`. Inside a group the
  ///    paper's order always stands.
  /// 4. If options are shuffled, those of each item are, with the stream `examsync order v1/options/` and the item's
  ///    id; those of a B1 item with `examsync order v1/list/` and the list's id, so that the whole group shares one
  ///    order. True/false is never shuffled.
  public init(of paper: Paper, orderSeed: UInt64) {
    sections = paper.sections.map { PresentedSection(of: $0, in: paper, orderSeed: orderSeed) }
  }

  /// The ids of all items that the candidate gets, in order.
  public var itemIDs: [String] { sections.flatMap { $0.items.map(\.itemID) } }

  /// Whether the candidate gets this item: `false` for items that were not drawn.
  public func contains(itemID: String) -> Bool {
    sections.contains { section in section.items.contains { $0.itemID == itemID } }
  }
}

/// One section in a candidate's order.
public struct PresentedSection: Hashable, Sendable {
  public var sectionID: String
  public var items: [PresentedItem]

  init(of section: PaperSection, in paper: Paper, orderSeed: UInt64) {
    var units = section.units
    if let drawnUnits = section.drawnUnits, drawnUnits < units.count {
      var positions = Array(units.indices)
      var generator = OrderGenerator(seed: orderSeed, label: "examsync order v1/pool/\(section.id)")
      generator.shuffle(&positions)
      units = positions.prefix(max(0, drawnUnits)).sorted().map { units[$0] }
    }
    if section.shufflesItems {
      var generator = OrderGenerator(seed: orderSeed, label: "examsync order v1/items/\(section.id)")
      generator.shuffle(&units)
    }
    sectionID = section.id
    items = units.joined().map { position in
      PresentedItem(
        of: section.items[position], in: paper, shufflesOptions: section.shufflesOptions, orderSeed: orderSeed)
    }
  }
}

/// One item in a candidate's order.
public struct PresentedItem: Hashable, Sendable {
  public var itemID: String
  /// Empty for items answered in writing.
  public var optionIDs: [String]

  init(of item: Item, in paper: Paper, shufflesOptions: Bool, orderSeed: UInt64) {
    itemID = item.id
    optionIDs = paper.optionIDs(of: item)
    guard shufflesOptions, item.kind != .trueFalse else { return }
    let label =
      if case .sharedOptions(let listID) = item.kind { "list/\(listID)" } else { "options/\(item.id)" }
    var generator = OrderGenerator(seed: orderSeed, label: "examsync order v1/\(label)")
    generator.shuffle(&optionIDs)
  }
}
