import Testing

/// Each rule catches what it is for: a rule that finds nothing may be blind.
@Suite struct PlantedTests {
  private func file(_ text: String, path: String = "Sources/SyncCore/Planted.swift") -> SourceFile {
    SourceFile(path: path, text: text)
  }

  @Test func commentsAndStringsAreBlankedAndCodeStays() {
    let text = #"""
      let a = "{ not code \(value + f("x)"))!" // } comment
      /* outer /* inner } */ still */ let b = #"raw \( "# + c
      """# + "\n let d = \"\"\"\n  { \"quoted\" \\(e)\n  \"\"\"\n let z = 1"
    let code = String(decoding: CodeScanner.blank(Array(text.utf8)), as: UTF8.self)
    #expect(code.utf8.count == text.utf8.count)
    for word in ["not", "comment", "outer", "inner", "still", "raw", "quoted", "{", "}"] {
      #expect(!code.contains(word), "\(word) is no code")
    }
    for word in ["let a", "value", "let b", "+ c", "let d", "e ", "let z = 1"] {
      #expect(code.contains(word), "\(word) is code")
    }
  }

  @Test func longFunctionsAreFoundAndShortOnesAreNot() {
    let body = String(repeating: "    print(\"{\")\n", count: 69)
    let long = "struct S {\n  func long(\n    a: Int = { 1 }()\n  ) -> Int {\n\(body)  }\n  func short() {}\n}\n"
    let found = CodeRules.longFunctions(file(long))
    #expect(found.map(\.line) == [2])
    #expect(found.first?.what.contains("long has 73 lines") == true)
    let requirements = "protocol P {\n  func a() throws\n  var b: Int { get }\n  init(c: Int)\n}\n\(long)"
    let names = FunctionScanner.functions(in: file(requirements)).map(\.name)
    #expect(names.contains("long") && names.contains("short") && !names.contains("a"))
  }

  @Test func trapsAreFound() {
    let text = """
      let a = b!
      let c = try! d()
      let e = f as! G
      let h = i()!.j
      fatalError("k")
      if !l, m != n, o! != p {}
      let text = "not! here"
      buffer.baseAddress! + 1
      """
    #expect(CodeRules.traps(file(text)).map(\.line).sorted() == [1, 2, 3, 4, 5, 6])
  }

  @Test func sleepsAreFound() {
    let text = "await Task.sleep(for: .seconds(1))\nusleep(5)\nlet sleep = 3\n// sleep(1)\nnanosleep(&a, nil)\n"
    #expect(CodeRules.sleeps(file(text)).map(\.line) == [1, 2, 5])
  }

  @Test func importsAreRead() {
    let text = """
      public import ExamModel
      @testable import SyncProtocol
      import struct Foundation.Data
      #if canImport(Glibc)
        import Glibc
      #endif
      // import Nothing
      let text = "import Nothing"
      @preconcurrency internal import NIOCore
      """
    #expect(
      CodeRules.imports(file(text)).map(\.module)
        == ["ExamModel", "SyncProtocol", "Foundation", "Glibc", "NIOCore"])
    #expect(
      CodeRules.strayImports(file(text), allowed: ["ExamModel", "SyncProtocol"]).map(\.line) == [3, 5, 9])
    #expect(Layers.isServerNetworking("NIOCore") && Layers.isServerNetworking("HummingbirdTesting"))
  }

  @Test func forbiddenWordsAreFoundInCodeOnly() {
    let text = "func f() async {}\n/// No async here.\nlet asynchronous = \"await\"\nlet d = Date()\n"
    let words = Layers.forbiddenWords["SyncCore"] ?? []
    #expect(CodeRules.forbiddenWords(file(text), words).map(\.line) == [1, 4])
  }

  @Test func missingDocumentationIsFound() {
    let text = """
      public struct A {
        /// Documented.
        public func b() {}
        public static func c() {}
        public static func < (left: A, right: A) -> Bool { true }
        /// Documented.
        @discardableResult
        public mutating func d() -> Int { 1 }
        func e() {}
      }
      public final class F {}
      """
    #expect(CodeRules.undocumented(file(text)).map(\.line) == [1, 4, 11])
  }

  @Test func longLinesAndFilesAreFound() {
    let text = String(repeating: "é", count: 121) + "\n" + String(repeating: "x", count: 120) + "\n"
    #expect(CodeRules.longLines(file(text)).map(\.line) == [1])
    #expect(CodeRules.longFile(file(String(repeating: "a\n", count: 400))).isEmpty)
    #expect(CodeRules.longFile(file(String(repeating: "a\n", count: 401))).count == 1)
  }

  @Test func unfinishedTextAndStrangersAreFound() {
    let text = TextFile(
      path: "a.md", text: "fine\n TO" + "DO later\nsee /ho" + "me/a/main\nFIX" + "ME\nout/ho" + "me/a\n")
    #expect(TextRules.unfinished(text).map(\.line) == [2, 4])
    #expect(TextRules.strangers(text).map(\.line) == [3])
  }

  @Test func brokenLinksAreFound() {
    let text = TextFile(
      path: "Protocol/x.md",
      text: "[a](README.md) [b](gone.md)\n[c](../LICENSE) [d](README.md#limits)\n[e](README.md#no-such-heading)\n")
    #expect(TextRules.brokenLinks(text).map(\.line) == [1, 3])
  }

  @Test func targetsAreRead() {
    let manifest = ".target(name: \"A\", dependencies: [.product(name: \"X\")]),\n.testTarget(\n  name: \"B\"),"
    #expect(
      Set(ManifestTests.targets(of: manifest))
        == [.init(name: "A", folder: "Sources"), .init(name: "B", folder: "Tests")])
  }
}
