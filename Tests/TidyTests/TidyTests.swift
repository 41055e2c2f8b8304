import Testing

/// Rules of style and structure that hold for every file. Each names file and line.
@Suite struct TidyTests {
  private func expectNone(_ findings: [Finding], _ rule: String) {
    let list = findings.map(\.description).joined(separator: "\n")
    #expect(findings.isEmpty, "\(rule)\n\(list)")
  }

  @Test func importsPointDownOnly() {
    expectNone(
      Checkout.sources.flatMap { CodeRules.strayImports($0, allowed: Layers.allowedImports[$0.module] ?? []) },
      "A module imports what stands in Layers.allowedImports, and nothing else.")
  }

  @Test func everyModuleHasALayer() {
    let modules = Set(Checkout.modules(in: "Sources"))
    #expect(modules == Set(Layers.allowedImports.keys), "Layers.allowedImports names the folders of Sources.")
  }

  @Test func onlyTheServerImportsServerNetworking() {
    let others = Checkout.swift.filter { $0.module != "ExamServer" && $0.module != "ExamServerTests" }
    expectNone(
      others.flatMap { file in
        CodeRules.imports(file).filter { Layers.isServerNetworking($0.module) }.map {
          Finding(path: file.path, line: $0.line, what: "imports \($0.module)")
        }
      }, "Only ExamServer imports NIO and Hummingbird.")
  }

  @Test func decidersNeitherWaitNorLookAtClocks() {
    expectNone(
      Checkout.sources.flatMap { CodeRules.forbiddenWords($0, Layers.forbiddenWords[$0.module] ?? []) },
      "Modules that decide are synchronous and get instants and randomness passed in.")
  }

  @Test func filesAreShort() {
    expectNone(Checkout.swift.flatMap(CodeRules.longFile), "A file has at most \(CodeRules.fileLines) lines.")
  }

  @Test func exceptionsFromShortFilesAreNeeded() {
    for path in Layers.longFiles.keys {
      let file = Checkout.swift.first { $0.path == path }
      #expect((file?.lines.count ?? 0) > CodeRules.fileLines, "\(path) needs no exception any more.")
    }
  }

  @Test func functionsAreShort() {
    expectNone(
      Checkout.swift.flatMap(CodeRules.longFunctions), "A function has at most \(CodeRules.functionLines) lines.")
  }

  @Test func linesAreShort() {
    expectNone(
      Checkout.swift.flatMap(CodeRules.longLines), "A line has at most \(CodeRules.lineCharacters) characters.")
  }

  @Test func nothingIsUnfinished() {
    expectNone(Checkout.texts.flatMap(TextRules.unfinished), "Nothing is left for later in a comment.")
  }

  @Test func nothingTraps() {
    expectNone(
      Checkout.sources.flatMap(CodeRules.traps),
      "Sources have no forced unwraps, forced casts, forced tries and no fatalError.")
  }

  @Test func testsDoNotSleep() {
    expectNone(Checkout.tests.flatMap(CodeRules.sleeps), "Tests wait for events and never for time.")
  }

  @Test func nothingOfTheWorkshopIsLeft() {
    expectNone(Checkout.texts.flatMap(TextRules.strangers), "Paths of one machine do not belong in the product.")
  }

  @Test func publicDeclarationsAreDocumented() {
    expectNone(
      Checkout.sources.filter { Layers.documented.contains($0.module) }.flatMap(CodeRules.undocumented),
      "Public types and functions say what they mean.")
  }

  @Test func noFileIsAPlaceholder() {
    let placeholders = Checkout.swift.filter { file in
      file.path.hasSuffix("/Placeholder.swift") || CodeWords(file.code).first == nil
    }
    expectNone(
      placeholders.map { Finding(path: $0.path, line: 1, what: "has no code") }, "Every file has something in it.")
  }

  @Test func linksLeadSomewhere() {
    let documents = Checkout.texts.filter { $0.path.hasSuffix(".md") }
    #expect(documents.count >= 5)
    expectNone(documents.flatMap(TextRules.brokenLinks), "Links in documents lead to files and headings.")
  }
}
