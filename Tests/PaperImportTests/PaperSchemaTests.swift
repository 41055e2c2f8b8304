import ExamModel
import Foundation
import Testing

@Suite("The JSON Schema of papers says what the importer does")
struct PaperSchemaTests {
  /// The value at `path` in `Protocol/paper.schema.json`.
  private func value(_ path: String) throws -> Any? {
    let root = try JSONSerialization.jsonObject(with: Data(try ProjectFiles.bytes("Protocol/paper.schema.json")))
    return path.split(separator: "/").reduce(root as Any?) { ($0 as? [String: Any])?[String($1)] }
  }

  @Test(
    "its limits are those of PaperLimits",
    arguments: [
      ("paper/properties/sections/maxItems", PaperLimits.sections.upperBound),
      ("paper/properties/assets/maxItems", PaperLimits.assets),
      ("paper/properties/sharedStems/maxItems", PaperLimits.sharedStems),
      ("paper/properties/sharedOptionLists/maxItems", PaperLimits.sharedOptionLists),
      ("paper/properties/title/maxLength", PaperLimits.titleScalars),
      ("paper/properties/specialty/maxLength", PaperLimits.specialtyScalars),
      ("paper/properties/version/maximum", PaperLimits.version.upperBound),
      ("text/maxLength", PaperLimits.textScalars),
      ("assetIdentifiers/maxItems", PaperLimits.assetsPerText),
      ("options/minItems", PaperLimits.options.lowerBound),
      ("options/maxItems", PaperLimits.options.upperBound),
      ("section/properties/items/maxItems", PaperLimits.items.upperBound),
      ("section/properties/timeLimitSeconds/minimum", PaperLimits.sectionTimeSeconds.lowerBound),
      ("section/properties/timeLimitSeconds/maximum", PaperLimits.sectionTimeSeconds.upperBound),
      ("fillIn/properties/blanks/maximum", PaperLimits.blanks.upperBound),
      ("numeric/properties/unit/maxLength", PaperLimits.unitScalars),
      ("essay/properties/maximumCharacters/maximum", PaperLimits.essayCharacters.upperBound),
      ("answer/properties/blanks/items/maxItems", PaperLimits.acceptedTextsPerBlank.upperBound),
      ("answer/properties/blanks/items/items/maxLength", PaperLimits.blankCharacters),
      ("singleBest/properties/score/maximum", PaperLimits.scoreHundredths.upperBound / 100),
    ])
  func limits(path: String, limit: Int) throws {
    #expect(try value("$defs/\(path)") as? Int == limit)
  }

  @Test("every object is closed, as the importer refuses every unknown field")
  func objectsAreClosed() throws {
    let definitions = try #require(try value("$defs") as? [String: [String: Any]])
    let objects = definitions.filter { $0.value["type"] as? String == "object" }
    #expect(objects.count >= 16)
    for (name, schema) in objects { #expect(schema["additionalProperties"] as? Bool == false, "\(name)") }
  }
}
