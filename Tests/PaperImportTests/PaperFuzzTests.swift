import ExamModel
import Foundation
import PaperImport
import Testing

@Suite("Broken paper files never do harm")
struct PaperFuzzTests {
  private static let rounds = 2_000

  /// One random change, of a kind that a person or a bad disk makes.
  private static func mutate(_ bytes: [UInt8], _ generator: inout OrderGenerator) -> [UInt8] {
    var result = bytes
    let place = Int(generator.next(below: UInt64(result.count)))
    let length = 1 + Int(generator.next(below: 40))
    let end = min(result.count, place + length)
    let tokens = [
      "\"", "{", "}", "[", "]", ",", ":", "null", "-1", "1e9999", "\\u0000", "\\ud800", "\u{0}", "../", "ſ",
    ]
    switch generator.next(below: 7) {
    case 0: result[place] = UInt8(truncatingIfNeeded: generator.next())
    case 1: result.removeSubrange(place..<end)
    case 2: result.insert(contentsOf: tokens[Int(generator.next(below: UInt64(tokens.count)))].utf8, at: place)
    case 3: result.insert(contentsOf: Array(result[place..<end]), at: place)
    case 4: result.removeLast(result.count - place)
    case 5: result[place] ^= 1 << UInt8(generator.next(below: 8))
    default:
      let other = Int(generator.next(below: UInt64(result.count)))
      result.swapAt(place, other)
    }
    return result
  }

  @Test(
    "2,000 random changes of the sample either import or are refused with a line",
    arguments: ["paper.json", "key.json"])
  func mutations(name: String) throws {
    var files: [String: [UInt8]] = [:]
    let folder = ProjectFiles.root.appendingPathComponent("SampleData/medical-en")
    for file in ["paper.json", "key.json"] { files[file] = try ProjectFiles.bytes("SampleData/medical-en/\(file)") }
    for asset in try FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("assets").path) {
      files["assets/\(asset)"] = PaperFragments.picture
    }
    // Small pictures keep the rounds quick; their names must then end in .png.
    let original = String(decoding: try #require(files["paper.json"]), as: UTF8.self)
    let paper = try #require(PaperFragments.replace("smear-1.jpg", "smear-1.png", in: original))
    files["paper.json"] = Array(paper.utf8)
    files["assets/smear-1.png"] = files.removeValue(forKey: "assets/smear-1.jpg")
    _ = try PaperImporter.load(files: files)

    let whole = try #require(files[name])
    var generator = OrderGenerator(seed: 2_024, label: "mutations of \(name)")
    var (imported, refused) = (0, 0)
    var codes: Set<PaperImportErrorCode> = []
    for round in 0..<Self.rounds / 2 {
      let changed = Self.mutate(whole, &generator)
      files[name] = changed
      do {
        let result = try PaperImporter.load(files: files)
        #expect(result.key.entries.count == result.paper.items.count)
        imported += 1
      } catch {
        let lines = changed.count { $0 == 0x0A } + 1
        let mayNameOther = error.file != name
        #expect(!error.message.isEmpty && error.line >= 1 && error.column >= 1, "round \(round)")
        #expect(mayNameOther || error.line <= lines, "round \(round): \(error)")
        codes.insert(error.code)
        refused += 1
      }
    }
    #expect(imported > 25 && refused > 250 && codes.count > 8, "\(imported) imported, \(refused) refused: \(codes)")
  }

  @Test("2,000 random changes of a roster either import or are refused with a line")
  func rosterMutations() throws {
    let whole = try ProjectFiles.bytes("SampleData/medical-zh/roster.csv")
    var generator = OrderGenerator(seed: 7, label: "mutations of the roster")
    var (imported, refused) = (0, 0)
    for _ in 0..<Self.rounds {
      let changed = Self.mutate(whole, &generator)
      do {
        let candidates = try RosterImporter.load(bytes: changed)
        #expect(Set(candidates.map(\.number)).count == candidates.count)
        imported += 1
      } catch {
        #expect(error.line >= 1 && error.line <= changed.count { $0 == 0x0A } + 2)
        refused += 1
      }
    }
    #expect(imported > 50 && refused > 500)
  }

  @Test("random bytes are never a picture, and never a crash")
  func pictureMutations() throws {
    let picture = PaperFragments.picture
    var generator = OrderGenerator(seed: 8, label: "mutations of a picture")
    var refused = 0
    for _ in 0..<Self.rounds {
      let changed = Self.mutate(picture, &generator)
      do {
        _ = try PaperImporter.load(files: PaperFragments.files(picture: changed))
        #expect(changed == picture)
      } catch {
        #expect(error.line == 5)
        refused += 1
      }
    }
    #expect(refused > Self.rounds * 9 / 10)
  }
}
