/// The requests of one connection, encoded in advance, one after the other.
struct ReplayScript: Sendable {
  private(set) var bytes: [UInt8] = []
  /// Where each request ends in ``bytes``.
  private(set) var ends: [Int] = []
  /// Bytes that the longest response may have.
  var responseBytes = 512

  var count: Int { ends.count }

  mutating func append(_ request: [UInt8]) {
    bytes += request
    ends.append(bytes.count)
  }

  /// Where a request stands in ``bytes``.
  func range(_ index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  /// The same requests with another request line: the same headers and bodies for another path.
  func redirected(to path: String) -> ReplayScript {
    var script = ReplayScript()
    script.responseBytes = responseBytes
    script.bytes.reserveCapacity(bytes.count + count * path.utf8.count)
    let line = Array("POST \(path) HTTP/1.1".utf8)
    for index in 0..<count {
      let request = bytes[range(index)]
      let rest = request.firstIndex(of: 0x0D) ?? request.endIndex
      script.bytes += line
      script.bytes += request[rest...]
      script.ends.append(script.bytes.count)
    }
    return script
  }
}

/// What one connection of a replay did.
struct ReplayTrace: Sendable {
  /// Every byte that came, response after response.
  var received: [UInt8]
  /// Where each response ends.
  var ends: [Int]
  /// Requests that were sent; the last may be without a response where the replay failed.
  var sent: Int

  func response(_ index: Int) -> ArraySlice<UInt8> {
    received[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }
}

/// What a replay measured.
struct ReplayOutcome: Sendable {
  /// Responses within the window that counts.
  var answered = 0
  /// Length of that window.
  var seconds = 0.0
  /// Of the responses within the window.
  var latency = LatencySample([])
  /// Processor time of the generator's thread within the window.
  var generatorSeconds = 0.0
  /// Processor time of the server within the window.
  var serverSeconds = 0.0
  /// The first connection ran out of requests before the time was over.
  var isExhausted = false
  /// In the order of the scripts.
  var traces: [ReplayTrace] = []

  var perSecond: Double { seconds > 0 ? Double(answered) / seconds : 0 }

  /// The generator's share of all processors. It is one thread: on two processors half is all that it can take.
  func generatorShare(processors: Int) -> Double {
    seconds > 0 ? generatorSeconds / seconds / Double(processors) : 0
  }

  func serverShare(processors: Int) -> Double {
    seconds > 0 ? serverSeconds / seconds / Double(processors) : 0
  }
}

/// Why a replay could not go on.
struct ReplayError: Error, CustomStringConvertible {
  var description: String
}
