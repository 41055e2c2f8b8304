import Crypto
public import ExamModel
import SyncProtocol

/// The server's last word about a journal, as it was said.
public struct AcknowledgedPosition: Hashable, Sendable {
  public enum Standing: Int, Hashable, Sendable {
    /// Nothing was said yet.
    case none = 0
    /// Our chain has this head at this sequence.
    case matched = 1
    /// Our chain has another head there.
    case headDiffers = 2
    /// The server holds more than this device.
    case beyondOwn = 3
    /// The server has other entries in place of those that count of a journal that was left.
    case replaced = 4
  }

  public var sequence: UInt64
  public var head: Digest256?
  public var standing: Standing

  public static let none = AcknowledgedPosition(sequence: 0, head: nil, standing: .none)

  /// Up to here the server is known to hold what this device holds.
  public var matchedSequence: UInt64 { standing == .matched ? sequence : 0 }
}

/// One journal as its row says, and what only its entries say.
struct JournalState: Hashable {
  var number: Int64
  var id: ID128
  var subject: ID128
  var deviceKey: ID128
  var predecessor: JournalPosition?
  var lease: UInt32
  var last: UInt64 = 0
  var head: Digest256
  /// In a journal that was left: its last entry that counts. Those above it stand again in the successor.
  var fork: UInt64?
  var acknowledged = AcknowledgedPosition.none
  var greatest: UInt64 = 0
  var greatestHead: Digest256?
  var openedWallMilliseconds: Int64
  var persisted: PersistedClock?

  /// Follows the entries; not in the row.
  var clock = JournalClock()
  /// Wall clock minus boot time when an entry last told it.
  var wallOffsetMilliseconds: Int64?

  init(number: Int64, id: ID128, subject: ID128, deviceKey: ID128, lease: UInt32, openedWallMilliseconds: Int64) {
    self.number = number
    self.id = id
    self.subject = subject
    self.deviceKey = deviceKey
    self.lease = lease
    self.openedWallMilliseconds = openedWallMilliseconds
    head = Chain.genesis(journal: id, subject: subject, deviceKey: deviceKey)
  }

  var isLive: Bool { fork == nil }
  /// The last entry that counts, and that is pushed.
  var end: UInt64 { fork ?? last }
  /// What counts of it can never be pushed: it is evidence on this device.
  var isReplaced: Bool { fork != nil && acknowledged.standing == .replaced }
  var pendingCount: UInt64 { isReplaced ? 0 : end - min(end, heldSequence) }
  /// Up to here the server is known to hold what counts of this journal. One that was left agrees with the server's up
  /// to its fork, though the server's own goes on elsewhere.
  var heldSequence: UInt64 {
    if let fork, acknowledged.sequence >= fork, !isReplaced { return fork }
    return acknowledged.matchedSequence
  }
  var genesis: Digest256 { Chain.genesis(journal: id, subject: subject, deviceKey: deviceKey) }

  /// What the row's MAC covers: everything that decides what is pushed, and where.
  func mac(key: HMAC<SHA256>) -> ID128 {
    var bytes = [UInt8]()
    bytes.reserveCapacity(320)
    bytes += "examsync journal row v1".utf8
    for id in [id, subject, deviceKey, predecessor?.journal ?? .zero] {
      bytes.appendBigEndian(id.high)
      bytes.appendBigEndian(id.low)
    }
    bytes.appendBigEndian(predecessor?.sequence ?? 0)
    (predecessor?.head ?? .zero).append(to: &bytes)
    bytes.appendBigEndian(lease)
    bytes.appendBigEndian(last)
    head.append(to: &bytes)
    bytes.appendBigEndian(fork ?? .max)
    bytes.appendBigEndian(acknowledged.sequence)
    (acknowledged.head ?? .zero).append(to: &bytes)
    bytes.append(UInt8(acknowledged.standing.rawValue))
    bytes.appendBigEndian(greatest)
    (greatestHead ?? .zero).append(to: &bytes)
    appendClock(to: &bytes)
    var hmac = key
    hmac.update(data: bytes)
    return hmac.finalize().withUnsafeBytes { code in
      ID128(
        high: UInt64(bigEndian: code.loadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: code.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  private func appendClock(to bytes: inout [UInt8]) {
    guard let persisted else { return }
    bytes.appendBigEndian(persisted.instant.bootID.high)
    bytes.appendBigEndian(persisted.instant.bootID.low)
    bytes.appendBigEndian(persisted.instant.bootMilliseconds)
    bytes.appendBigEndian(persisted.instant.wallMilliseconds)
    bytes.appendBigEndian(persisted.remainingMilliseconds)
  }

  /// Makes the next entry of a kind at an instant, with the differences to the entry before.
  func entry(_ kind: EntryKind, at instant: DeviceInstant) -> Entry {
    switch kind {
    case .open, .context: return Entry(kind: kind)
    default: break
    }
    let delta =
      instant.bootMilliseconds >= clock.bootMilliseconds ? instant.bootMilliseconds - clock.bootMilliseconds : 0
    var drift = Int64(0)
    if let known = wallOffsetMilliseconds {
      let stray = Self.wallOffset(of: instant) - known
      if abs(stray) > TimeRules.wallDriftReportedMilliseconds { drift = stray }
    }
    return Entry(bootDeltaMilliseconds: delta, wallDriftMilliseconds: drift, kind: kind)
  }

  /// Takes an entry that is, or is about to be, the journal's next.
  mutating func advance(_ entry: Entry, body: [UInt8]) {
    last += 1
    head = Chain.next(head, sequence: last, body: body)
    follow(entry)
  }

  /// Follows the clocks of an entry whose chain was checked already.
  mutating func follow(_ entry: Entry) {
    clock.advance(entry)
    switch entry.kind {
    case .open(let opening):
      wallOffsetMilliseconds = Self.offset(opening.wallMilliseconds, opening.bootMilliseconds)
    case .context(let context):
      wallOffsetMilliseconds = Self.offset(context.wallMilliseconds, context.bootMilliseconds)
    default:
      wallOffsetMilliseconds = wallOffsetMilliseconds.map { $0 &+ entry.wallDriftMilliseconds }
    }
  }

  static func wallOffset(of instant: DeviceInstant) -> Int64 {
    offset(instant.wallMilliseconds, instant.bootMilliseconds)
  }

  private static func offset(_ wall: Int64, _ boot: UInt64) -> Int64 {
    wall &- Int64(clamping: boot)
  }
}
