/// The bytes of one connection and direction that are under way, each piece with the time before which it may not
/// arrive. Order is kept whatever the jitter, as TCP keeps it.
struct BytePipe: Sendable {
  /// How the sender ended.
  enum Ending: Sendable { case finish, reset }

  private struct Piece {
    var bytes: [UInt8]
    var dueAt: UInt64
  }

  private var pieces: [Piece] = []
  private var first = 0
  /// Bytes of the first piece that were taken.
  private var taken = 0
  private var lastDueAt: UInt64 = 0
  private(set) var byteCount = 0
  private(set) var ending: Ending?
  private(set) var isEndingTaken = false

  /// Bytes that may still be put in.
  var space: Int {
    guard ending == nil, pieces.count - first < ProxyLimits.bufferedPieces else { return 0 }
    return max(0, ProxyLimits.bufferedBytes - byteCount)
  }

  var isEmpty: Bool { byteCount == 0 }

  /// When the next piece, or the ending, may arrive; nil when nothing is under way.
  var nextDueAt: UInt64? {
    if first < pieces.count { return pieces[first].dueAt }
    return ending == nil || isEndingTaken ? nil : lastDueAt
  }

  /// Bytes of the next piece.
  var nextPieceByteCount: Int {
    first < pieces.count ? pieces[first].bytes.count - taken : 0
  }

  mutating func append(_ bytes: [UInt8], dueAt: UInt64) {
    guard !bytes.isEmpty, ending == nil else { return }
    lastDueAt = max(lastDueAt, dueAt)
    byteCount += bytes.count
    pieces.append(Piece(bytes: bytes, dueAt: lastDueAt))
  }

  /// Says that nothing follows. The first ending counts.
  mutating func end(_ ending: Ending, dueAt: UInt64) {
    guard self.ending == nil else { return }
    self.ending = ending
    lastDueAt = max(lastDueAt, dueAt)
  }

  /// Takes at most `maximum` bytes of the next piece; the caller has seen that it is due.
  mutating func take(_ maximum: Int) -> [UInt8] {
    guard first < pieces.count, maximum > 0 else { return [] }
    let count = min(maximum, nextPieceByteCount)
    byteCount -= count
    if taken == 0, count == pieces[first].bytes.count {
      let bytes = pieces[first].bytes
      dropFirstPiece()
      return bytes
    }
    let bytes = Array(pieces[first].bytes[taken..<taken + count])
    taken += count
    if taken == pieces[first].bytes.count { dropFirstPiece() }
    return bytes
  }

  /// Takes the ending; the caller has seen that it is due and that no piece is left.
  mutating func takeEnding() -> Ending? {
    guard first == pieces.count, !isEndingTaken else { return nil }
    isEndingTaken = ending != nil
    return ending
  }

  /// Throws away all that is under way, the ending included.
  mutating func discard() {
    self = BytePipe()
  }

  private mutating func dropFirstPiece() {
    pieces[first].bytes = []
    taken = 0
    first += 1
    if first == pieces.count {
      pieces.removeAll(keepingCapacity: true)
      first = 0
    } else if first >= 256, first * 2 >= pieces.count {
      pieces.removeFirst(first)
      first = 0
    }
  }
}
