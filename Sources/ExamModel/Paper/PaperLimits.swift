/// Every limit on a paper, its key, its assets, its roster and the answers to it, in one place.
///
/// The limits on answers are chosen so that the largest answer the rules allow fits one journal entry (64 KiB).
public enum PaperLimits {
  /// Bytes of `paper.json`, and of `key.json`.
  public static let documentBytes = 8 * 1024 * 1024
  /// Arrays and objects inside one another.
  public static let jsonDepth = 32
  /// Members of one JSON object.
  public static let objectMembers = 64

  public static let identifierBytes = 1...64
  public static let version = 1...1_000_000
  public static let sections = 1...50
  /// Items of the whole paper.
  public static let items = 1...1_000
  public static let sharedStems = 500
  public static let sharedOptionLists = 200
  public static let options = 2...26
  public static let blanks = 1...20
  public static let acceptedTextsPerBlank = 1...50
  /// Unicode scalars of a title or of an asset's description.
  public static let titleScalars = 300
  /// Unicode scalars of a stem, a rationale, instructions, an option or an accepted text.
  public static let textScalars = 10_000
  public static let unitScalars = 40
  public static let specialtyScalars = 100
  public static let sectionTimeSeconds = 10...86_400
  /// An item's score in hundredths of a point: 0.01 to 1,000 points.
  public static let scoreHundredths = 1...100_000

  /// Unicode scalars of an essay: 15,000 of four bytes each stay below 64 KiB.
  public static let essayCharacters = 1...15_000
  /// Unicode scalars of what is written into one blank.
  public static let blankCharacters = 500
  /// Characters of a number as it was typed.
  public static let numberCharacters = 40

  public static let assets = 500
  public static let assetsPerText = 16
  public static let assetBytes = 4 * 1024 * 1024
  public static let assetBytesInTotal = 64 * 1024 * 1024
  public static let assetSidePixels = 1...8_192
  public static let assetPixels = 16 * 1024 * 1024

  public static let rosterBytes = 16 * 1024 * 1024
  public static let rosterCandidates = 50_000
  public static let rosterFieldScalars = 100
}
