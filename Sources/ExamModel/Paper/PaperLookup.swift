extension Paper {
  /// All items in the paper's order.
  public var items: [Item] { sections.flatMap(\.items) }

  /// The item with this id; `nil` if the paper has none.
  public func item(_ id: String) -> Item? {
    for section in sections {
      if let item = section.items.first(where: { $0.id == id }) { return item }
    }
    return nil
  }

  /// The section that holds the item with this id.
  public func section(ofItem id: String) -> PaperSection? {
    sections.first { section in section.items.contains { $0.id == id } }
  }

  /// The shared stem with this id; `nil` if the paper has none.
  public func sharedStem(_ id: String) -> SharedStem? {
    sharedStems.first { $0.id == id }
  }

  /// The shared option list with this id; `nil` if the paper has none.
  public func sharedOptionList(_ id: String) -> SharedOptionList? {
    sharedOptionLists.first { $0.id == id }
  }

  /// The asset with this id; `nil` if the paper has none.
  public func asset(_ id: String) -> AssetReference? {
    assets.first { $0.id == id }
  }

  /// The options an answer to `item` may name, in the paper's order: its own, or those of its list for B1. Empty for
  /// true/false, whose two options are ``ItemKind/trueOptionID`` and ``ItemKind/falseOptionID``, and for items
  /// answered in writing.
  public func options(of item: Item) -> [ItemOption] {
    if case .sharedOptions(let listID) = item.kind { return sharedOptionList(listID)?.options ?? [] }
    return item.options
  }

  /// The ids that an answer to `item` may name, true/false included.
  public func optionIDs(of item: Item) -> [String] {
    if item.kind == .trueFalse { return [ItemKind.trueOptionID, ItemKind.falseOptionID] }
    return options(of: item).map(\.id)
  }

  /// The greatest score a candidate can reach, in hundredths of a point. In a section with a draw all units are
  /// worth the same, so the first ones stand for those drawn.
  public var maximumScoreHundredths: Int {
    sections.reduce(0) { total, section in
      let units = section.units.prefix(section.drawnUnits ?? section.units.count)
      return total + units.joined().reduce(0) { $0 + section.items[$1].scoreHundredths }
    }
  }
}

extension PaperSection {
  /// What is drawn and shuffled as one piece: positions in ``items`` of each group, or of each item outside groups.
  public var units: [[Int]] {
    var units: [[Int]] = []
    var currentGroup: String?
    for (position, item) in items.enumerated() {
      if let group = item.kind.groupID, group == currentGroup {
        units[units.count - 1].append(position)
      } else {
        units.append([position])
      }
      currentGroup = item.kind.groupID
    }
    return units
  }
}
