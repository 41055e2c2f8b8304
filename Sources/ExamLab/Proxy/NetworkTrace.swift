import Glibc

/// The recorded capacity of a real link in the mahimahi format (Winstein, Sivaraman, Balakrishnan, NSDI 2013).
///
/// Each line is the millisecond at which one packet of 1500 bytes could pass; a millisecond stands as often as packets
/// could pass in it. After the last line the trace repeats, that line's millisecond being the length of the loop.
public struct NetworkTrace: Equatable, Sendable {
  /// The opportunities, never falling.
  public let opportunitiesMilliseconds: [UInt32]

  /// The length of the loop.
  public var periodMilliseconds: Int { Int(opportunitiesMilliseconds.last ?? 0) }

  /// The mean capacity over one loop.
  public var meanBytesPerSecond: Int {
    opportunitiesMilliseconds.count * ProxyLimits.packetBytes * 1000 / periodMilliseconds
  }

  /// Reads the text of a trace.
  ///
  /// - Parameter name: what errors call it, usually the file's path.
  public init(parsing text: some Sequence<UInt8>, name: String) throws(ProxyError) {
    var values: [UInt32] = []
    var line = 1
    var current: UInt64?
    func refuse(_ why: String) -> ProxyError {
      ProxyError(code: .badTrace, message: "\(name), line \(line): \(why)")
    }
    func take(_ value: UInt64) throws(ProxyError) {
      guard value >= values.last.map(UInt64.init) ?? 0 else {
        throw refuse("\(value) is less than the line before; a trace's milliseconds never fall.")
      }
      guard values.count < ProxyLimits.traceLines else {
        throw refuse("a trace has at most \(ProxyLimits.traceLines) lines.")
      }
      values.append(UInt32(value))
    }
    for byte in text {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        let value = (current ?? 0) * 10 + UInt64(byte - UInt8(ascii: "0"))
        guard value <= UInt64(ProxyLimits.longestMilliseconds) else {
          throw refuse("a trace is at most \(ProxyLimits.longestMilliseconds) ms long.")
        }
        current = value
      case UInt8(ascii: "\n"):
        guard let value = current else { throw refuse("expected the millisecond of a packet, found an empty line.") }
        try take(value)
        current = nil
        line += 1
      case UInt8(ascii: "\r"):
        continue
      default:
        throw refuse("expected the millisecond of a packet in decimal digits.")
      }
    }
    if let value = current { try take(value) }
    guard let last = values.last, last > 0 else {
      throw refuse("a trace needs at least one packet after millisecond 0.")
    }
    opportunitiesMilliseconds = values
  }

  /// Reads a trace file.
  public init(contentsOf path: String) throws(ProxyError) {
    guard let file = fopen(path, "re") else {
      let reason = String(cString: strerror(errno))
      throw ProxyError(code: .badTrace, message: "\(path) cannot be opened: \(reason). Name a file that exists.")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: ProxyLimits.readBytes)
    while true {
      let count = fread(&block, 1, block.count, file)
      guard count > 0 else { break }
      bytes.append(contentsOf: block[..<count])
    }
    guard ferror(file) == 0 else {
      throw ProxyError(code: .badTrace, message: "\(path) cannot be read. A trace is a text file.")
    }
    try self.init(parsing: bytes, name: path)
  }

  /// How many opportunities lie after `start` and up to and including `end`, both counted in milliseconds from the
  /// beginning of the first loop.
  func opportunities(after start: Int, through end: Int) -> Int {
    guard end > start else { return 0 }
    return countThrough(end) - countThrough(start)
  }

  /// The first opportunity after `time`, in milliseconds from the beginning of the first loop.
  func nextOpportunity(after time: Int) -> Int {
    let (loop, rest) = time.quotientAndRemainder(dividingBy: periodMilliseconds)
    let index = firstIndex(above: rest)
    if index < opportunitiesMilliseconds.count {
      return loop * periodMilliseconds + Int(opportunitiesMilliseconds[index])
    }
    return (loop + 1) * periodMilliseconds + Int(opportunitiesMilliseconds[0])
  }

  private func countThrough(_ time: Int) -> Int {
    let (loop, rest) = time.quotientAndRemainder(dividingBy: periodMilliseconds)
    return loop * opportunitiesMilliseconds.count + firstIndex(above: rest)
  }

  private func firstIndex(above value: Int) -> Int {
    var low = 0
    var high = opportunitiesMilliseconds.count
    while low < high {
      let middle = (low + high) / 2
      if Int(opportunitiesMilliseconds[middle]) > value { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
