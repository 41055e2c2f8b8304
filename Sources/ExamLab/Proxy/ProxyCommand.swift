import Foundation
import Glibc
import Synchronization

/// The engine of `exam-lab proxy`: runs a proxy, prints its events, and obeys lines.
public struct ProxyCommand: Sendable {
  /// A line of output that is no event.
  private struct Answer: Encodable {
    var done: String?
    var error: String?
    var counters: ProxyCounters?
    var total: LinkCounters?
  }

  public var configuration: ProxyCommandConfiguration

  public init(_ configuration: ProxyCommandConfiguration) {
    self.configuration = configuration
  }

  /// Runs until the line `stop` or the end of the input, whichever comes first. Blocks its thread.
  ///
  /// Every line of output is one JSON object: an event (``ProxyEvent``), `{"done": line}` for a command carried out,
  /// `{"error": why}` for one refused, `{"counters": …, "total": …}` on demand and at the end.
  ///
  /// - Parameters:
  ///   - input: the descriptor control lines (``ProxyControlLine``) come from.
  ///   - output: the descriptor events go to.
  /// - Throws: ``ProxyError`` if the proxy cannot start.
  public func run(input: Int32 = 0, output: Int32 = 1) throws(ProxyError) {
    // A reader that left must not take the proxy, and with it the phones' network, along.
    signal(SIGPIPE, SIG_IGN)
    let printer = ProxyLinePrinter(descriptor: output)
    let engine = try ProxyEngine(
      upstream: configuration.upstream, links: configuration.links, seed: configuration.seed,
      eventSink: { printer.print($0) })
    try engine.start()
    var lines = ProxyLineReader(descriptor: input)
    while let line = lines.next() {
      if line.allSatisfy(\.isWhitespace) { continue }
      do {
        let command = try ProxyControlLine(parsing: line)
        if command == .stop { break }
        try engine.perform(command)
        if command == .counters {
          let counters = engine.counters()
          printer.print(Answer(counters: counters, total: counters.total))
        } else {
          printer.print(Answer(done: line))
        }
      } catch {
        printer.print(Answer(error: error.description))
      }
    }
    engine.stop()
    let counters = engine.counters()
    printer.print(Answer(counters: counters, total: counters.total))
  }
}

/// Writes JSON objects, one a line, from any thread.
final class ProxyLinePrinter: Sendable {
  private let descriptor: Int32
  private let isBroken = Mutex(false)

  init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  func print(_ value: some Encodable) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard var bytes = (try? encoder.encode(value)).map(Array.init) else { return }
    bytes.append(UInt8(ascii: "\n"))
    isBroken.withLock { isBroken in
      var rest = bytes[...]
      while !isBroken, !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 {
          rest = rest.dropFirst(count)
        } else if errno != EINTR {
          isBroken = true
        }
      }
    }
  }
}

/// Reads lines of bounded length from a descriptor.
struct ProxyLineReader {
  static let longestLineBytes = 4096

  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private var isAtEnd = false

  init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  /// The next line without its end; nil at the end of the input. What exceeds the bound is cut off as a line.
  mutating func next() -> String? {
    while true {
      if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        defer { bytes.removeFirst(end + 1) }
        return String(decoding: bytes[..<end], as: UTF8.self)
      }
      if isAtEnd || bytes.count >= Self.longestLineBytes {
        guard !bytes.isEmpty else { return nil }
        defer { bytes = [] }
        return String(decoding: bytes, as: UTF8.self)
      }
      var block = [UInt8](repeating: 0, count: Self.longestLineBytes)
      let count = read(descriptor, &block, block.count)
      if count > 0 {
        bytes.append(contentsOf: block[..<count])
      } else if count == 0 || errno != EINTR {
        isAtEnd = true
      }
    }
  }
}
