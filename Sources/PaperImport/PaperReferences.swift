/// What a paper declares once and uses elsewhere: every use is declared, every declaration is used.
struct PaperReferences {
  enum Kind {
    case asset, sharedStem, optionList

    var name: String {
      switch self {
      case .asset: "asset"
      case .sharedStem: "shared stem"
      case .optionList: "shared option list"
      }
    }

    var unknown: PaperImportErrorCode {
      switch self {
      case .asset: .unknownAsset
      case .sharedStem: .unknownSharedStem
      case .optionList: .unknownOptionList
      }
    }

    var unused: PaperImportErrorCode {
      switch self {
      case .asset: .unusedAsset
      case .sharedStem: .unusedSharedStem
      case .optionList: .unusedOptionList
      }
    }
  }

  private struct Declaration {
    var id: String
    var kind: Kind
    var position: TextPosition
    var isUsed = false
  }

  private var declarations: [Declaration] = []
  private var indexes: [String: Int] = [:]

  /// Assets, shared stems and option lists share one space of ids.
  mutating func declare(_ id: String, as kind: Kind, at position: TextPosition, file: String) throws(PaperImportError) {
    guard indexes[id] == nil else {
      throw PaperImportError(
        .duplicateIdentifier, file: file, line: position.line, column: position.column,
        message: "The id \(id) of this \(kind.name) is taken by another asset, shared stem or option list. Rename one.")
    }
    indexes[id] = declarations.count
    declarations.append(Declaration(id: id, kind: kind, position: position))
  }

  mutating func use(_ id: String, as kind: Kind, at position: TextPosition, file: String, path: String)
    throws(PaperImportError)
  {
    guard let index = indexes[id], declarations[index].kind == kind else {
      throw PaperImportError(
        kind.unknown, file: file, line: position.line, column: position.column, path: path,
        message: "The paper has no \(kind.name) \(id). Declare it, or correct the name.")
    }
    declarations[index].isUsed = true
  }

  func refuseUnused(file: String) throws(PaperImportError) {
    guard let idle = declarations.first(where: { !$0.isUsed }) else { return }
    throw PaperImportError(
      idle.kind.unused, file: file, line: idle.position.line, column: idle.position.column,
      message: "No item uses the \(idle.kind.name) \(idle.id). Use it, or remove it.")
  }
}

/// Items of one group follow each other in one section and are of one type.
struct GroupRules {
  private var finished: Set<String> = []
  private var current: String?
  private var currentType = ""

  mutating func beginSection() {
    enter(nil, type: "")
  }

  private mutating func enter(_ group: String?, type: String) {
    if let current { finished.insert(current) }
    current = group
    currentType = type
  }

  mutating func add(_ group: String?, type: String, _ reader: ObjectReader) throws(PaperImportError) {
    if let group, group == current {
      guard type == currentType else {
        throw reader.error(
          .mixedGroup, "An item of type \(type) stands among the \(currentType) items of \(group). Use one type.")
      }
      return
    }
    if let group, finished.contains(group) {
      throw reader.error(.splitGroup, "The items of \(group) do not follow each other. Put them together.")
    }
    enter(group, type: type)
  }
}
