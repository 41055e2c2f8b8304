import ExamModel

/// What a picture's bytes say about it. The name's ending is never believed.
struct ImageFacts: Hashable {
  enum Format: String { case png = "image/png", jpeg = "image/jpeg" }

  var format: Format
  var widthPixels: Int
  var heightPixels: Int
}

/// Why bytes are no picture that a paper may carry.
enum ImageFault: Error, Hashable {
  /// What the bytes seem to be instead.
  case notAnImage(String)
  case broken(String)
}

/// Recognises PNG and JPEG by their bytes, reads the size, and finds truncated files; decodes no pixels.
enum ImageInspector {
  private static let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  static func inspect(_ bytes: [UInt8]) throws(ImageFault) -> ImageFacts {
    if bytes.starts(with: pngSignature) { return try inspectPNG(bytes) }
    if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return try inspectJPEG(bytes) }
    throw .notAnImage(guess(bytes))
  }

  /// Walks the chunks of a PNG (ISO/IEC 15948) to its end, checking each checksum.
  private static func inspectPNG(_ bytes: [UInt8]) throws(ImageFault) -> ImageFacts {
    var facts: ImageFacts?
    var hasPixels = false
    var offset = pngSignature.count
    while true {
      guard offset + 12 <= bytes.count else { throw .broken("the file ends before its IEND chunk") }
      let length = bigEndian(bytes, offset, 4)
      guard length <= bytes.count - offset - 12 else { throw .broken("a chunk reaches beyond the end of the file") }
      let type = Array(bytes[offset + 4..<offset + 8])
      let end = offset + 8 + length
      guard crc32(bytes[offset + 4..<end]) == UInt32(bigEndian(bytes, end, 4)) else {
        throw .broken("a chunk's checksum is wrong")
      }
      if type == Array("IHDR".utf8) {
        guard facts == nil, length == 13, offset == pngSignature.count else { throw .broken("its header is wrong") }
        facts = ImageFacts(
          format: .png, widthPixels: bigEndian(bytes, offset + 8, 4), heightPixels: bigEndian(bytes, offset + 12, 4))
      }
      if type == Array("IDAT".utf8) { hasPixels = true }
      offset = end + 4
      if type == Array("IEND".utf8) { break }
    }
    guard let facts, hasPixels else { throw .broken("it has no header or no pixels") }
    guard offset == bytes.count else { throw .broken("bytes follow the end of the picture") }
    return facts
  }

  /// Walks the markers of a JPEG (ITU-T T.81) to its frame header.
  private static func inspectJPEG(_ bytes: [UInt8]) throws(ImageFault) -> ImageFacts {
    guard bytes.suffix(2) == [0xFF, 0xD9] else { throw .broken("the file ends before its end marker") }
    var offset = 2
    while offset + 4 <= bytes.count, bytes[offset] == 0xFF {
      let marker = bytes[offset + 1]
      if marker == 0xFF {
        offset += 1
        continue
      }
      let length = bigEndian(bytes, offset + 2, 2)
      guard length >= 2, offset + 2 + length <= bytes.count else { throw .broken("a segment reaches beyond the end") }
      switch marker {
      case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
        guard length >= 8 else { throw .broken("its frame header is too short") }
        return ImageFacts(
          format: .jpeg, widthPixels: bigEndian(bytes, offset + 7, 2), heightPixels: bigEndian(bytes, offset + 5, 2))
      case 0xDA: throw .broken("pixels come before the frame header")
      default: offset += 2 + length
      }
    }
    throw .broken("it has no frame header")
  }

  private static func bigEndian(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
    bytes[offset..<offset + count].reduce(0) { $0 << 8 | Int($1) }
  }

  private static func guess(_ bytes: [UInt8]) -> String {
    let known: [(prefix: String, name: String)] = [
      ("GIF8", "a GIF"), ("BM", "a BMP"), ("RIFF", "a WebP or other RIFF file"), ("%PDF", "a PDF"),
      ("PK", "an archive"),
      ("II*", "a TIFF"), ("MM", "a TIFF"),
    ]
    if let match = known.first(where: { bytes.starts(with: $0.prefix.utf8) }) { return match.name }
    let head = String(decoding: bytes.prefix(1_024), as: UTF8.self).lowercased()
    if head.contains("<svg") { return "an SVG" }
    if head.hasPrefix("<") { return "XML or HTML" }
    return bytes.isEmpty ? "an empty file" : "neither PNG nor JPEG"
  }

  /// CRC-32 as PNG uses it (polynomial 0xEDB88320, reflected).
  static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes { crc = crc >> 8 ^ crcTable[Int((crc ^ UInt32(byte)) & 0xFF)] }
    return ~crc
  }

  private static let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
  }
}
