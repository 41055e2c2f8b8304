import ExamModel
import SyncProtocol

import struct Foundation.Data

/// One part of a paper version before sealing: what a manifest names.
public struct PaperPart: Hashable, Sendable {
  /// `structure`, `item/<id>`, `stem/<id>`, `options/<id>` or `asset/<id>`.
  public var name: String
  public var plaintext: [UInt8]

  public init(name: String, plaintext: [UInt8]) {
    self.name = name
    self.plaintext = plaintext
  }
}

extension Paper {
  /// The name of the part that lists everything else.
  public static let structurePartName = "structure"

  /// The part that holds an asset's bytes.
  public static func assetPartName(_ id: String) -> String { "asset/\(id)" }

  /// What publication seals: the structure, then items, shared stems, option lists and assets, each on its own, so
  /// that a new version costs only what changed.
  ///
  /// - Parameter assets: the bytes of each asset of the paper, by id.
  public func publicationParts(assets bytes: [String: [UInt8]]) throws(WireError) -> [PaperPart] {
    var parts = [PaperPart(name: Self.structurePartName, plaintext: encoded(structureMessage))]
    for item in items { parts.append(PaperPart(name: "item/\(item.id)", plaintext: encoded(item.message))) }
    for stem in sharedStems {
      parts.append(PaperPart(name: "stem/\(stem.id)", plaintext: encoded(stem.message)))
    }
    for list in sharedOptionLists {
      parts.append(PaperPart(name: "options/\(list.id)", plaintext: encoded(list.message)))
    }
    for asset in assets {
      guard let plaintext = bytes[asset.id], plaintext.count == asset.byteLength else {
        throw WireError("asset/\(asset.id)", "its bytes are missing or have another length")
      }
      parts.append(PaperPart(name: Self.assetPartName(asset.id), plaintext: plaintext))
    }
    return parts
  }

  /// Puts a paper together again.
  ///
  /// - Parameter part: gives the opened bytes of a part by its name.
  public init(part: (String) throws(WireError) -> [UInt8]) throws(WireError) {
    func decoded<Message: DecodableMessage>(_ name: String) throws(WireError) -> Message {
      try Message.decode(try part(name), name: name)
    }
    let structure: WireStructureMessage = try decoded(Self.structurePartName)
    self.init(
      id: structure.id, version: Int(structure.version), title: structure.title, language: structure.language,
      specialty: structure.specialty,
      sections: try structure.sections.convert { message throws(WireError) in
        var section = PaperSection(message)
        section.items = try message.items.convert { id throws(WireError) in
          try Item(try decoded("item/\(id)") as WireItemMessage)
        }
        return section
      },
      sharedStems: try structure.stems.convert { id throws(WireError) in
        SharedStem(try decoded("stem/\(id)") as WireStemMessage)
      },
      sharedOptionLists: try structure.optionLists.convert { id throws(WireError) in
        SharedOptionList(try decoded("options/\(id)") as WireOptionListMessage)
      },
      assets: structure.assets.map(AssetReference.init))
  }

  private var structureMessage: WireStructureMessage {
    var message = WireStructureMessage()
    message.id = id
    message.version = UInt32(clamping: version)
    message.title = title
    message.language = language
    message.specialty = specialty
    message.sections = sections.map(\.message)
    message.assets = assets.map(\.message)
    message.stems = sharedStems.map(\.id)
    message.optionLists = sharedOptionLists.map(\.id)
    return message
  }
}

extension PaperSection {
  /// Everything but the items.
  fileprivate init(_ message: WireSectionMessage) {
    self.init(
      id: message.id, title: message.title, instructions: message.instructions, canGoBack: !message.noWayBack,
      timeLimitSeconds: message.timeLimitSeconds == 0 ? nil : Int(message.timeLimitSeconds),
      drawnUnits: message.draw == 0 ? nil : Int(message.draw), shufflesItems: message.shuffleItems,
      shufflesOptions: message.shuffleOptions, items: [])
  }

  fileprivate var message: WireSectionMessage {
    var message = WireSectionMessage()
    message.id = id
    message.title = title
    message.instructions = instructions
    message.noWayBack = !canGoBack
    message.timeLimitSeconds = UInt32(clamping: timeLimitSeconds ?? 0)
    message.draw = UInt32(clamping: drawnUnits ?? 0)
    message.shuffleItems = shufflesItems
    message.shuffleOptions = shufflesOptions
    message.items = items.map(\.id)
    return message
  }
}

extension Item {
  fileprivate init(_ message: WireItemMessage) throws(WireError) {
    self.init(
      id: message.id, kind: try ItemKind(message), stem: message.stem, options: message.options.map(ItemOption.init),
      assetIDs: message.assets, scoreHundredths: Int(message.scoreHundredths))
  }

  fileprivate var message: WireItemMessage {
    var message = WireItemMessage()
    message.id = id
    message.stem = stem
    message.options = options.map(\.message)
    message.assets = assetIDs
    message.scoreHundredths = UInt32(clamping: scoreHundredths)
    kind.write(to: &message)
    return message
  }
}

extension ItemKind {
  fileprivate init(_ message: WireItemMessage) throws(WireError) {
    if let form = SingleBestForm(rawValue: message.kind) {
      self = .singleBest(form)
    } else if let form = SharedStemForm(rawValue: message.kind) {
      self = .sharedStem(stemID: message.sharedStem, form: form)
    } else {
      switch message.kind {
      case "B1": self = .sharedOptions(listID: message.optionList)
      case "X": self = .multiple
      case "true-false": self = .trueFalse
      case "fill-in": self = .fillIn(blankCount: Int(message.blanks))
      case "numeric": self = .numeric(unit: message.unit.isEmpty ? nil : message.unit)
      case "essay": self = .essay(maximumCharacters: Int(message.maximumCharacters))
      default: throw WireError("item/\(message.id)", "is of a kind that this version does not know")
      }
    }
  }

  fileprivate func write(to message: inout WireItemMessage) {
    switch self {
    case .singleBest(let form): message.kind = form.rawValue
    case .sharedStem(let stem, let form):
      message.kind = form.rawValue
      message.sharedStem = stem
    case .sharedOptions(let list):
      message.kind = "B1"
      message.optionList = list
    case .multiple: message.kind = "X"
    case .trueFalse: message.kind = "true-false"
    case .fillIn(let blanks):
      message.kind = "fill-in"
      message.blanks = UInt32(clamping: blanks)
    case .numeric(let unit):
      message.kind = "numeric"
      message.unit = unit ?? ""
    case .essay(let maximum):
      message.kind = "essay"
      message.maximumCharacters = UInt32(clamping: maximum)
    }
  }
}

extension ItemOption {
  fileprivate init(_ message: WireOptionMessage) {
    self.init(id: message.id, text: message.text, assetID: message.asset.isEmpty ? nil : message.asset)
  }

  fileprivate var message: WireOptionMessage {
    .with {
      $0.id = id
      $0.text = text
      $0.asset = assetID ?? ""
    }
  }
}

extension SharedStem {
  fileprivate init(_ message: WireStemMessage) {
    self.init(id: message.id, text: message.text, assetIDs: message.assets)
  }

  fileprivate var message: WireStemMessage {
    .with {
      $0.id = id
      $0.text = text
      $0.assets = assetIDs
    }
  }
}

extension SharedOptionList {
  fileprivate init(_ message: WireOptionListMessage) {
    self.init(id: message.id, options: message.options.map(ItemOption.init))
  }

  fileprivate var message: WireOptionListMessage {
    .with {
      $0.id = id
      $0.options = options.map(\.message)
    }
  }
}

extension AssetReference {
  fileprivate init(_ message: WireAssetMessage) {
    self.init(
      id: message.id, mediaType: message.mediaType, byteLength: Int(clamping: message.length),
      sha256: Array(message.sha256), widthPixels: Int(message.width), heightPixels: Int(message.height),
      description: message.description_p)
  }

  fileprivate var message: WireAssetMessage {
    var message = WireAssetMessage()
    message.id = id
    message.mediaType = mediaType
    message.length = UInt64(clamping: byteLength)
    message.sha256 = Data(sha256)
    message.width = UInt32(clamping: widthPixels)
    message.height = UInt32(clamping: heightPixels)
    message.description_p = description
    return message
  }
}
