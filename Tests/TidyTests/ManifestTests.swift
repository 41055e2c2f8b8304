import Foundation
import Testing

/// The manifest, the README and the folders agree.
@Suite struct ManifestTests {
  struct Target: Hashable {
    var name: String
    var folder: String
  }

  /// The targets of a manifest, by its text.
  static func targets(of manifest: String) -> [Target] {
    var found: [Target] = []
    for kind in [".target(", ".executableTarget(", ".testTarget(", ".systemLibrary("] {
      for piece in manifest.components(separatedBy: kind).dropFirst() {
        let beginning = piece.drop { $0 == " " || $0 == "\n" }
        guard beginning.hasPrefix("name: \""), let name = beginning.split(separator: "\"").dropFirst().first else {
          continue
        }
        found.append(Target(name: String(name), folder: kind == ".testTarget(" ? "Tests" : "Sources"))
      }
    }
    return found
  }

  @Test func everyTargetHasAFolderAndEveryFolderATarget() throws {
    let targets = Self.targets(of: try #require(Checkout.text("Package.swift")))
    #expect(targets.count > 20)
    for folder in ["Sources", "Tests"] {
      let named = Set(targets.filter { $0.folder == folder }.map(\.name))
      let present = Set(Checkout.modules(in: folder))
      #expect(named.subtracting(present) == [], "Package.swift names targets without files in \(folder).")
      #expect(present.subtracting(named) == [], "\(folder) has folders that Package.swift does not name.")
    }
  }

  @Test func theReadmeOpensWithTheTwoCommands() throws {
    let readme = try #require(Checkout.text("README.md"))
    let opening = readme.prefix(2_000)
    for command in ["make demo", "make test"] {
      let opensWith = opening.contains(command)
      #expect(opensWith, "README.md opens with \(command).")
    }
    let makefile = try #require(Checkout.text("Makefile"))
    #expect(makefile.contains("\ndemo:") && makefile.contains("\ntest:"), "The Makefile has both.")
    let holdsPlaceholder = readme.contains("DEMO-OUTPUT")
    #expect(!holdsPlaceholder, "README.md shows real output.")
  }

  @Test(arguments: [
    "README.md", "CHANGELOG.md", "LICENSE", "Makefile", ".swift-format", ".gitignore", ".ci/run",
    "Protocol/README.md", "Protocol/HISTORY.md", "Protocol/examsync.proto", "Protocol/paper-format.md",
    "Protocol/paper.schema.json", "Protocol/vectors/README.md",
    "Sources/ExamClient/ExamClient.docc/Architecture.md", "Sources/ExamClient/ExamClient.docc/ExamClient.md",
  ])
  func belongs(path: String) {
    #expect(Checkout.exists(path), "\(path) is missing.")
  }

  @Test func theArticleMapsEveryModule() throws {
    let article = try #require(Checkout.text("Sources/ExamClient/ExamClient.docc/Architecture.md"))
    for module in Checkout.modules(in: "Sources") {
      #expect(article.contains("`\(module)`"), "The architecture article does not say what \(module) is.")
    }
  }
}
