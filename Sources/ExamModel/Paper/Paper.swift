/// A paper as it is published to candidates.
///
/// The type has no field for a key or a rationale: what publication seals cannot carry one. Those are in
/// ``PaperKey``, which never leaves the server. Option ids and their order are the author's and do not depend on
/// which option is right.
public struct Paper: Hashable, Sendable {
  /// The same for all versions of one paper; 1 to 64 of `A–Z a–z 0–9 . _ -`.
  public var id: String
  /// Counts the published editions of the paper, from 1.
  public var version: Int
  public var title: String
  /// A BCP 47 language tag, such as `zh-Hans` or `en`.
  public var language: String
  /// Compared with the candidate's before the start (rule S3-27); empty if the paper is for everybody.
  public var specialty: String
  public var sections: [PaperSection]
  public var sharedStems: [SharedStem]
  public var sharedOptionLists: [SharedOptionList]
  public var assets: [AssetReference]

  public init(
    id: String, version: Int, title: String, language: String, specialty: String = "", sections: [PaperSection],
    sharedStems: [SharedStem] = [], sharedOptionLists: [SharedOptionList] = [], assets: [AssetReference] = []
  ) {
    self.id = id
    self.version = version
    self.title = title
    self.language = language
    self.specialty = specialty
    self.sections = sections
    self.sharedStems = sharedStems
    self.sharedOptionLists = sharedOptionLists
    self.assets = assets
  }
}

/// A part of a paper with its own instructions, way back and time.
public struct PaperSection: Hashable, Sendable {
  public var id: String
  public var title: String
  public var instructions: String
  /// `false`: once the candidate has left the section it cannot be entered again.
  public var canGoBack: Bool
  /// Seconds from entering the section until it is left for the candidate; `nil` for no limit of its own.
  public var timeLimitSeconds: Int?
  /// How many units each candidate gets, a unit being a group (A3, A4, B1) or an item outside any group; `nil` for
  /// all of them. All units of such a section carry the same score, so that no draw is worth more than another.
  public var drawnUnits: Int?
  public var shufflesItems: Bool
  public var shufflesOptions: Bool
  public var items: [Item]

  public init(
    id: String, title: String, instructions: String = "", canGoBack: Bool = true, timeLimitSeconds: Int? = nil,
    drawnUnits: Int? = nil, shufflesItems: Bool = false, shufflesOptions: Bool = false, items: [Item]
  ) {
    self.id = id
    self.title = title
    self.instructions = instructions
    self.canGoBack = canGoBack
    self.timeLimitSeconds = timeLimitSeconds
    self.drawnUnits = drawnUnits
    self.shufflesItems = shufflesItems
    self.shufflesOptions = shufflesOptions
    self.items = items
  }
}

/// A case that several A3 or A4 items ask about.
public struct SharedStem: Hashable, Sendable {
  public var id: String
  public var text: String
  public var assetIDs: [String]

  public init(id: String, text: String, assetIDs: [String] = []) {
    self.id = id
    self.text = text
    self.assetIDs = assetIDs
  }
}

/// The options that several B1 items choose from.
public struct SharedOptionList: Hashable, Sendable {
  public var id: String
  public var options: [ItemOption]

  public init(id: String, options: [ItemOption]) {
    self.id = id
    self.options = options
  }
}

/// A picture that the paper needs. The bytes travel apart; a start is allowed only when all are there.
public struct AssetReference: Hashable, Sendable {
  public var id: String
  /// `image/png` or `image/jpeg`.
  public var mediaType: String
  public var byteLength: Int
  /// 32 bytes: the SHA-256 of the picture's bytes before sealing.
  public var sha256: [UInt8]
  public var widthPixels: Int
  public var heightPixels: Int
  /// What the picture shows, for those who cannot see it and while it is missing (rule S3-30).
  public var description: String

  public init(
    id: String, mediaType: String, byteLength: Int, sha256: [UInt8], widthPixels: Int, heightPixels: Int,
    description: String
  ) {
    self.id = id
    self.mediaType = mediaType
    self.byteLength = byteLength
    self.sha256 = sha256
    self.widthPixels = widthPixels
    self.heightPixels = heightPixels
    self.description = description
  }
}
