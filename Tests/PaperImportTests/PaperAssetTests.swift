import ExamModel
import Foundation
import PaperImport
import Testing

@Suite("Pictures and files of a paper")
struct PaperAssetTests {
  private static func chunk(_ type: String, _ body: [UInt8]) -> [UInt8] {
    let content = Array(type.utf8) + body
    return bigEndian(UInt32(body.count)) + content + bigEndian(checksum(content))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  /// CRC-32, bit by bit.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(UInt32.max) { crc, byte in
      (0..<8).reduce(crc ^ UInt32(byte)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
    }
  }

  private static func png(width: UInt32, height: UInt32) -> [UInt8] {
    [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunk("IHDR", bigEndian(width) + bigEndian(height) + [8, 0, 0, 0, 0]) + chunk("IDAT", [0])
      + chunk("IEND", [])
  }

  private static let jpeg: [UInt8] =
    [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xC0, 0, 11, 8, 0, 30, 0, 40, 1, 1, 0x11, 0, 0xFF, 0xD9]

  static let refusals: [(PaperImportErrorCode, String, [UInt8])] = [
    (.notAnImage, "SVG", Array("<?xml version=\"1.0\"?><svg xmlns=\"x\"><script/></svg>".utf8)),
    (.notAnImage, "SVG", Array("  <SVG onload='x'></SVG>".utf8)),
    (.notAnImage, "HTML", Array("<html>".utf8)),
    (.notAnImage, "GIF", Array("GIF89a".utf8)),
    (.notAnImage, "PDF", Array("%PDF-1.7".utf8)),
    (.notAnImage, "empty", []),
    (.notAnImage, "neither", [1, 2, 3]),
    (.brokenImage, "ends", Array(png(width: 8, height: 8).dropLast(12))),
    (.brokenImage, "beyond", Array(png(width: 8, height: 8).prefix(20))),
    (.brokenImage, "checksum", png(width: 8, height: 8).enumerated().map { $0.offset == 18 ? 1 : $0.element }),
    (.brokenImage, "follow", png(width: 8, height: 8) + [0]),
    (.brokenImage, "beyond", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + [UInt8](repeating: 0xFF, count: 64)),
    (.imageTooLarge, "50000", png(width: 50_000, height: 50_000)),
    (.imageTooLarge, "4294967295", png(width: .max, height: .max)),
    (.imageTooLarge, "0 ×", png(width: 0, height: 8)),
    (.imageTooLarge, "8192 × 8192", png(width: 8_192, height: 8_192)),
    (.assetTooLarge, "4194304", [UInt8](repeating: 0, count: PaperLimits.assetBytes + 1)),
    (.wrongExtension, ".jpg", jpeg),
    (.brokenImage, "end marker", Array(jpeg.dropLast())),
    (.brokenImage, "no frame", [0xFF, 0xD8, 0xFF, 0xD9]),
    (.brokenImage, "beyond", [0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF, 0xFF, 0xD9]),
    (.brokenImage, "before the frame", [0xFF, 0xD8, 0xFF, 0xDA, 0, 2, 0xFF, 0xD9]),
  ]

  @Test("what is no whole PNG or JPEG of a sane size is refused on the asset's line", arguments: refusals)
  func refuses(code: PaperImportErrorCode, word: String, picture: [UInt8]) {
    let error = #expect(throws: PaperImportError.self) {
      try PaperImporter.load(files: PaperFragments.files(picture: picture))
    }
    #expect(error?.code == code, "\(error.map(String.init(describing:)) ?? "")")
    #expect(error?.line == 5)
    #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
  }

  @Test("a JPEG is taken with its size, and its digest is the one other tools give")
  func takesJPEG() throws {
    let text = try #require(PaperFragments.replace("picture.png", "Picture.JPEG", in: PaperFragments.paper))
    var files = PaperFragments.files(paper: text, picture: nil)
    files["assets/Picture.JPEG"] = Self.jpeg
    let asset = try #require(try PaperImporter.load(files: files).paper.asset("picture"))
    #expect(asset.mediaType == "image/jpeg")
    #expect(asset.widthPixels == 40 && asset.heightPixels == 30)
    #expect(asset.byteLength == Self.jpeg.count)
    #expect(Hex.encode(asset.sha256) == "fb30be9fae53684db40ce5f670f518cc435047f76957903b1937db0b06160073")
  }

  @Test("a folder on disk gives what the same files in memory give; so does a single file with its key inside")
  func loadsFromDisk() throws {
    let folder = try TestFolder()
    try folder.write(PaperFragments.files())
    let inMemory = try PaperImporter.load(files: PaperFragments.files())
    #expect(try PaperImporter.load(folder.path) == inMemory)

    let answers = try #require(PaperFragments.key.firstRange(of: "\"answers\""))
    let inline = #""key": {"# + PaperFragments.key[answers.lowerBound...] + ", \"sections\": ["
    let single = try #require(PaperFragments.replace(#""sections": ["#, inline, in: PaperFragments.paper))
    try folder.write(Array(single.utf8), to: "single.json")
    #expect(try PaperImporter.load(folder.path + "/single.json") == inMemory)
  }

  @Test(
    "symbolic links are refused, wherever they point",
    arguments: ["paper.json", "key.json", "assets/picture.png", "assets"])
  func refusesLinks(name: String) throws {
    let folder = try TestFolder()
    let elsewhere = try TestFolder()
    try folder.write(PaperFragments.files())
    try elsewhere.write(PaperFragments.files())
    try folder.remove(name)
    try folder.link(name, to: elsewhere.path + "/" + name)
    let error = #expect(throws: PaperImportError.self) { try PaperImporter.load(folder.path) }
    #expect(error?.code == .symbolicLink, "\(error.map(String.init(describing:)) ?? "")")
    try elsewhere.link("folder", to: folder.path)
    let outer = #expect(throws: PaperImportError.self) { try PaperImporter.load(elsewhere.path + "/folder") }
    #expect(outer?.code == .symbolicLink)
  }

  @Test("pipes, folders in place of files, and absent paths are refused without waiting")
  func refusesOtherKinds() throws {
    let folder = try TestFolder()
    try folder.write(PaperFragments.files())
    try folder.remove("assets/picture.png")
    #expect(mkfifo(folder.path + "/assets/picture.png", 0o600) == 0)
    let pipe = #expect(throws: PaperImportError.self) { try PaperImporter.load(folder.path) }
    #expect(pipe?.code == .notRegularFile)
    #expect(pipe?.line == 5)
    try folder.remove("key.json")
    try FileManager.default.createDirectory(atPath: folder.path + "/key.json", withIntermediateDirectories: false)
    try folder.remove("assets/picture.png")
    try folder.write(PaperFragments.picture, to: "assets/picture.png")
    let inner = #expect(throws: PaperImportError.self) { try PaperImporter.load(folder.path) }
    #expect(inner?.code == .notRegularFile)
    let absent = #expect(throws: PaperImportError.self) { try PaperImporter.load(folder.path + "/nothing") }
    #expect(absent?.code == .missingFile)
  }
}
