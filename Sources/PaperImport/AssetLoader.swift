import Crypto
import ExamModel

/// Reads the pictures that a paper declares, checks each, and keeps their bytes.
struct AssetLoader {
  let source: any PaperSource
  let file: String
  private(set) var bytes: [String: [UInt8]] = [:]
  private var fileNames: Set<String> = []
  private var byteCount = 0

  init(source: any PaperSource, file: String) {
    self.source = source
    self.file = file
  }

  /// One entry of `assets`.
  mutating func load(_ value: JSONValue, path: String) throws(PaperImportError) -> AssetReference {
    var reader = try ObjectReader(value, file: file, path: path)
    let id = try reader.identifier("id")
    let nameValue = try reader.required("file")
    let description = try reader.text("description", atMost: PaperLimits.titleScalars)
    try reader.finish("an asset")
    let name = try checkedName(nameValue, reader)
    guard let content = try read(name, nameValue, reader) else {
      throw reader.error(
        .missingAsset, "assets/\(name) is missing. Add the picture, or remove the asset.", at: nameValue.position,
        member: "file")
    }
    let facts = try inspect(content, name: name, at: nameValue.position, reader)
    byteCount += content.count
    guard byteCount <= PaperLimits.assetBytesInTotal else {
      throw reader.error(
        .assetTooLarge,
        "With assets/\(name) the pictures have more than \(PaperLimits.assetBytesInTotal) bytes. Shrink some.",
        at: nameValue.position, member: "file")
    }
    bytes[id] = content
    return AssetReference(
      id: id, mediaType: facts.format.rawValue, byteLength: content.count, sha256: Array(SHA256.hash(data: content)),
      widthPixels: facts.widthPixels, heightPixels: facts.heightPixels, description: description)
  }

  /// Names are plain file names in `assets/`: no folder, no leading dot, no other alphabet, no second spelling.
  private mutating func checkedName(_ value: JSONValue, _ reader: ObjectReader) throws(PaperImportError) -> String {
    guard case .string(let name) = value.content else {
      throw ObjectReader.wrongType(value, wanted: "a file name", file: file, path: reader.pathOf("file"))
    }
    guard ObjectReader.isIdentifier(name), !name.hasPrefix(".") else {
      throw reader.error(
        .badAssetName,
        "\"\(ObjectReader.short(name))\" is not a plain file name. Use A–Z a–z 0–9 . _ - and no folders.",
        at: value.position, member: "file")
    }
    guard fileNames.insert(name.lowercased()).inserted else {
      throw reader.error(
        .badAssetName, "assets/\(name) is declared twice, letter case aside. Use one asset in both places.",
        at: value.position, member: "file")
    }
    return name
  }

  private func read(_ name: String, _ value: JSONValue, _ reader: ObjectReader) throws(PaperImportError) -> [UInt8]? {
    do {
      return try source.bytes(of: "assets/\(name)", limit: PaperLimits.assetBytes)
    } catch {
      let code: PaperImportErrorCode = error.code == .fileTooLarge ? .assetTooLarge : error.code
      throw reader.error(code, "assets/\(name): \(error.message)", at: value.position, member: "file")
    }
  }

  private func inspect(
    _ content: [UInt8], name: String, at place: TextPosition, _ reader: ObjectReader
  ) throws(PaperImportError) -> ImageFacts {
    func error(_ code: PaperImportErrorCode, _ message: String) -> PaperImportError {
      reader.error(code, "assets/\(name) \(message)", at: place, member: "file")
    }
    let facts: ImageFacts
    do {
      facts = try ImageInspector.inspect(content)
    } catch {
      switch error {
      case .notAnImage(let guess):
        throw reader.error(
          .notAnImage, "assets/\(name) is \(guess). Save the picture as PNG or JPEG.", at: place, member: "file")
      case .broken(let fault):
        throw reader.error(
          .brokenImage, "assets/\(name) is broken: \(fault). Save the picture again.", at: place, member: "file")
      }
    }
    let (width, height) = (facts.widthPixels, facts.heightPixels)
    guard PaperLimits.assetSidePixels.contains(width), PaperLimits.assetSidePixels.contains(height),
      width * height <= PaperLimits.assetPixels
    else {
      throw error(
        .imageTooLarge,
        "is \(width) × \(height) pixels; sides are from 1 to \(PaperLimits.assetSidePixels.upperBound), "
          + "and \(PaperLimits.assetPixels) in all. Resize it.")
    }
    let endings = facts.format == .png ? [".png"] : [".jpg", ".jpeg"]
    guard endings.contains(where: { name.lowercased().hasSuffix($0) }) else {
      throw error(.wrongExtension, "holds \(facts.format.rawValue). End its name with \(endings[0]).")
    }
    return facts
  }

  /// Refuses files in `assets/` that the paper does not declare.
  func refuseUnlistedFiles() throws(PaperImportError) {
    for name in try source.assetNames() where !fileNames.contains(name.lowercased()) {
      throw PaperImportError(
        .unlistedFile, file: "assets/\(ObjectReader.short(name))",
        message: "The paper does not declare this file. Add it to \"assets\", or remove it.")
    }
  }
}
