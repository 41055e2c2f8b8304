import ExamLab
import Testing

@Suite struct ProxyFramingTests {
  struct Sample: Sendable, CustomTestStringConvertible {
    var name: String
    var method: String?
    var messages: [String]
    var testDescription: String { name }
  }

  static let samples = [
    Sample(name: "no body", messages: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n"]),
    Sample(name: "length", messages: ["POST / HTTP/1.1\r\ncontent-LENGTH: \t5 \r\n\r\nhello"]),
    Sample(name: "length zero", messages: ["POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"]),
    Sample(name: "same length twice", messages: ["POST / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\nhi"]),
    Sample(
      name: "chunked",
      messages: ["PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n012345678X\r\n0\r\n\r\n"]),
    Sample(
      name: "chunked with trailers",
      messages: ["PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nDigest: 1\r\nEnd: 2\r\n\r\n"]),
    Sample(
      name: "kept alive",
      messages: [
        "POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\none", "GET /2 HTTP/1.1\r\n\r\n",
        "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "GET /4 HTTP/1.1\r\n\r\n",
      ]),
    Sample(name: "empty line first", messages: ["\r\nGET / HTTP/1.1\r\n\r\n"]),
    Sample(name: "bare line feeds", messages: ["POST / HTTP/1.1\nContent-Length: 1\n\nx"]),
    Sample(name: "response", method: "GET", messages: ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]),
    Sample(name: "no reason", method: "GET", messages: ["HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"]),
    Sample(name: "HEAD", method: "HEAD", messages: ["HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"]),
    Sample(name: "204", method: "POST", messages: ["HTTP/1.1 204 No Content\r\n\r\n"]),
    Sample(name: "304", method: "GET", messages: ["HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"]),
    Sample(
      name: "interim responses", method: "POST",
      messages: [
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n"
          + "Content-Length: 1\r\n\r\nx"
      ]),
    Sample(
      name: "chunked response", method: "GET",
      messages: ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]),
  ]

  /// Lengths of the messages found when the bytes come in these pieces.
  private func boundaries(_ sample: Sample, pieces: [[UInt8]]) throws -> [Int] {
    var framer = sample.method.map(HTTPFramer.responses(to:)) ?? .requests()
    var found: [Int] = []
    var length = 0
    for piece in pieces {
      var rest = piece[...]
      while true {
        let step = try framer.advance(over: rest)
        rest = rest.dropFirst(step.consumed)
        length += step.consumed
        if step.boundary == .message {
          found.append(length)
          length = 0
        }
        if step.boundary == .none, rest.isEmpty { break }
      }
    }
    #expect(length == 0)
    #expect(framer.isBetweenMessages)
    return found
  }

  @Test(arguments: samples) func splitAtEveryByte(_ sample: Sample) throws {
    let bytes = Array(sample.messages.joined().utf8)
    let expected = sample.messages.map(\.utf8.count)
    #expect(try boundaries(sample, pieces: [bytes]) == expected)
    #expect(try boundaries(sample, pieces: bytes.map { [$0] }) == expected)
    for position in 1..<bytes.count {
      let pieces = [Array(bytes[..<position]), Array(bytes[position...])]
      #expect(try boundaries(sample, pieces: pieces) == expected, "split at \(position)")
    }
  }

  @Test func bodyBytesAreCountedWithoutFraming() throws {
    let sample = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\n0\r\nA: b\r\n\r\n"
    var framer = HTTPFramer.responses(to: "GET")
    var body: [UInt8] = []
    for byte in sample.utf8 {
      let step = try framer.advance(over: [byte])
      if step.bodyBytes == 1 { body.append(byte) }
    }
    #expect(String(decoding: body, as: UTF8.self) == "abcdefgh")
  }

  @Test func headSaysWhatItIs() throws {
    var framer = HTTPFramer.requests()
    let bytes = Array("POST /x HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 7\r\n\r\n".utf8)
    let step = try framer.advance(over: bytes[...])
    guard case .head(let head) = step.boundary else {
      Issue.record("no head in \(step)")
      return
    }
    #expect(head.startLine == .request(method: "POST", target: "/x"))
    #expect(head.body == .length(7))
    #expect(head.expectsContinue)
    #expect(step.consumed == bytes.count)
  }

  @Test func responseWithoutLengthEndsWithItsConnection() throws {
    var framer = HTTPFramer.responses(to: "GET")
    var rest = Array("HTTP/1.1 200 OK\r\n\r\nall of this".utf8)[...]
    let head = try framer.advance(over: rest)
    rest = rest.dropFirst(head.consumed)
    #expect(try framer.advance(over: rest).boundary == .none)
    #expect(framer.endsWithInput)
    #expect(!framer.isBetweenMessages)
  }

  @Test(arguments: [
    ("two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
    ("length and chunked", "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("negative length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
    ("signed length", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"),
    ("length beyond an Int", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"),
    ("other coding", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    ("chunk size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
    ("signed chunk size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n"),
    ("huge chunk size", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
    ("chunk too long", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n"),
    ("no version", "GET /\r\n\r\n"),
    ("HTTP/2", "GET / HTTP/2.0\r\n\r\n"),
    ("no colon", "GET / HTTP/1.1\r\nnonsense\r\n\r\n"),
    ("space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    ("folded header", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"),
    ("binary", "\u{1}\u{2}"),
  ])
  func refusesWhatIsNoMessage(_ name: String, _ text: String) {
    #expect(throws: HTTPFramingError.self, "\(name)") {
      var framer = HTTPFramer.requests()
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty { rest = rest.dropFirst(try framer.advance(over: rest).consumed) }
    }
  }

  @Test func headsAndLinesAreBounded() throws {
    func feed(_ text: String) throws {
      var framer = HTTPFramer.requests()
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty { rest = rest.dropFirst(try framer.advance(over: rest).consumed) }
    }
    let longLine = "GET / HTTP/1.1\r\nA: " + String(repeating: "x", count: 70_000)
    #expect(throws: HTTPFramingError.self) { try feed(longLine) }
    let manyLines = "GET / HTTP/1.1\r\n" + String(repeating: "Name: value\r\n", count: 6000)
    #expect(throws: HTTPFramingError.self) { try feed(manyLines) }
    let chunked = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(throws: HTTPFramingError.self) { try feed(chunked + "1;" + String(repeating: "x", count: 5000)) }
    #expect(throws: HTTPFramingError.self) {
      try feed(chunked + "0\r\n" + String(repeating: "Name: value\r\n", count: 6000))
    }
    try feed("GET / HTTP/1.1\r\nA: " + String(repeating: "x", count: 60_000) + "\r\n\r\n")
  }
}
