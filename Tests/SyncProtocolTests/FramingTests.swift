import ExamModel
import SyncProtocol
import Testing

@Suite struct FramingTests {
  @Test(arguments: [0, 1, 63, 64, 1_000, 100_000])
  func whatIsFramedComesBack(length: Int) throws {
    let body = (0..<length).map { UInt8($0 % 7) }
    #expect(try BodyFraming.unframe(BodyFraming.frame(body)) == body)
    #expect(try BodyFraming.unframe(BodyFraming.frame(body, deflate: false)) == body)
  }

  /// The window fits the body: what is repeated from one end to the other is still found.
  @Test(arguments: [64, 255, 256, 257, 511, 512, 513, 1_024, 4_097, 16_385, 32_768, 40_000])
  func everyLengthIsDeflatedAndComesBack(length: Int) throws {
    var generator = SystemRandomNumberGenerator()
    let noise = (0..<length / 2).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let body = noise + noise
    let framed = BodyFraming.frame(body)
    #expect(try BodyFraming.unframe(framed) == body)
    #expect(framed.count < body.count * 3 / 4)
  }

  @Test func noiseTravelsPlainAndRepetitionDeflated() {
    var generator = SystemRandomNumberGenerator()
    let noise = (0..<500).map { _ in UInt8.random(in: 0...255, using: &generator) }
    #expect(BodyFraming.frame(noise).count == 501)
    #expect(BodyFraming.frame([UInt8](repeating: 9, count: 500)).count < 30)
  }

  @Test func aBombIsStoppedAtTheLimit() {
    let bomb = BodyFraming.frame([UInt8](repeating: 0, count: 8 << 20))
    #expect(bomb.count < 16_384)
    #expect(throws: FramingError.tooLong(limit: Limits.inflatedBytes)) { try BodyFraming.unframe(bomb) }
    #expect(throws: FramingError.tooLong(limit: 10)) { try BodyFraming.unframe([0] + [UInt8](1...11), limit: 10) }
  }

  @Test func brokenFramesAreRefused() {
    let deflated = BodyFraming.frame([UInt8](repeating: 7, count: 4_000))
    #expect(throws: FramingError.empty) { try BodyFraming.unframe([]) }
    #expect(throws: FramingError.unknownFrame(2)) { try BodyFraming.unframe([2, 1]) }
    #expect(throws: FramingError.corrupt) { try BodyFraming.unframe(deflated + [0]) }
    for end in 1..<deflated.count {
      #expect(throws: FramingError.self) { try BodyFraming.unframe(Array(deflated[..<end])) }
    }
  }

  @Test func theAuthorizationHeaderIsExact() {
    let value = Authorization(session: Fixed.session, sentAt: 17, mac: Fixed.node)
    #expect(Authorization(headerValue: value.headerValue) == value)
    let text = value.headerValue
    let wrong = [
      "", "Bearer abc", text + " ", text.replacing("ExamSync", with: "examsync"), text.replacing(" 17 ", with: " -1 "),
      text.replacing(" 17 ", with: "  "), String(text.dropLast()),
      text.replacing(" 17 ", with: " 99999999999999999999 "),
    ]
    for text in wrong { #expect(Authorization(headerValue: text) == nil, "\(text)") }
  }

  @Test func base64URLHasOneTextForEachValue() {
    for count in 0...40 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 77) }
      #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
    }
    #expect(Base64URL.decode("AB") == nil, "the last bits must be zero")
    #expect(Base64URL.decode("A") == nil)
    #expect(Base64URL.decode("AA==") == nil)
    #expect(Base64URL.decode("A+") == nil)
  }

  @Test func problemsAreCompleteAndOneLine() {
    for kind in Problem.Kind.allCases {
      let problem = Problem(kind, "first\r\nsecond\u{0}" + String(repeating: "x", count: 900))
      #expect((400...599).contains(problem.status))
      #expect(problem.type == "urn:examsync:problem:\(kind.rawValue)")
      #expect(!problem.title.isEmpty && problem.detail.count <= 500)
      #expect(problem.detail.unicodeScalars.allSatisfy { $0.value >= 32 })
    }
  }
}
