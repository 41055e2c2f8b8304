/// Why a paper was refused: what, in which file, on which line. Nothing was imported.
public struct PaperImportError: Error, Hashable, Sendable {
  public var code: PaperImportErrorCode
  /// The file's name as the paper's folder knows it, such as `key.json` or `assets/ecg.png`.
  public var file: String
  /// From 1. For what is wrong with a whole file, 1.
  public var line: Int
  /// From 1, in Unicode scalars.
  public var column: Int
  /// Where in the document, such as `sections[0].items[3].options`; empty for the whole.
  public var path: String
  /// What is wrong and what to do next, in one sentence or two.
  public var message: String

  public init(
    _ code: PaperImportErrorCode, file: String, line: Int = 1, column: Int = 1, path: String = "", message: String
  ) {
    self.code = code
    self.file = file
    self.line = line
    self.column = column
    self.path = path
    self.message = message
  }
}

extension PaperImportError: CustomStringConvertible {
  /// `paper.json:12:7: sections[0].items[3]: message [code]`, as compilers write it.
  public var description: String {
    "\(file):\(line):\(column): \(path.isEmpty ? "" : "\(path): ")\(message) [\(code.rawValue)]"
  }
}

/// What kind of fault it is; the raw values are stable.
public enum PaperImportErrorCode: String, Hashable, Sendable, CaseIterable {
  // The file
  case missingFile, unreadableFile, symbolicLink, notRegularFile, fileTooLarge
  // The JSON text
  case syntax, encoding, byteOrderMark, nullCharacter, loneSurrogate, controlCharacter, duplicateMember, tooDeep
  case trailingText
  // The document
  case unknownField, missingField, wrongType, unknownFormat, notAnInteger, outOfRange, badIdentifier, badText
  case badLanguage
  case tooMany, empty, duplicateIdentifier, duplicateOption
  // The paper
  case unknownItemType, unknownSharedStem, unknownOptionList, unknownAsset, unusedSharedStem, unusedOptionList
  case unusedAsset, splitGroup, mixedGroup, blankMismatch, unequalDraw
  // The key
  case missingKey, twoKeys, keyForAnotherPaper, keyForUnknownItem, duplicateKey, keyNamesUnknownOption, keyOfWrongType
  case keyNotSingle
  // The assets
  case badAssetName, missingAsset, assetTooLarge, notAnImage, brokenImage, imageTooLarge, wrongExtension
  case unlistedFile
  // Tables
  case badCSV, unknownColumn, missingColumn, badField, duplicateCandidate
}
