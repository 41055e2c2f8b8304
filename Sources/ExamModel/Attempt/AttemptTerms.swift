/// What an exam's policy says about locks, crashes and the information form: data, with the defaults of S3.
public struct AttemptPolicy: Hashable, Sendable {
  /// The lock that hands in by itself (S3-16: the 5th).
  public var maximumLocks: UInt32
  /// Causes that do not lock, such as `screen_off` where phones cannot be kept awake (S3-18).
  public var exemptCauses: Set<LockCause>
  /// Whether a restart of the app locks the attempt (S3-32: no).
  public var restartLocks: Bool
  /// Names of the fields that the information form asks for before the start (S3-08); empty for no form.
  public var informationFields: [String]
  /// The lowest version of the app that may join (S3-02).
  public var minimumAppVersion: String

  public init(
    maximumLocks: UInt32 = 5, exemptCauses: Set<LockCause> = [], restartLocks: Bool = false,
    informationFields: [String] = [], minimumAppVersion: String = "3.4.2"
  ) {
    self.maximumLocks = maximumLocks
    self.exemptCauses = exemptCauses
    self.restartLocks = restartLocks
    self.informationFields = informationFields
    self.minimumAppVersion = minimumAppVersion
  }
}

/// When an attempt may be written, in server milliseconds since 1970.
public struct AttemptWindow: Hashable, Sendable {
  /// T0: the key is released and the start is allowed.
  public var opens: Int64
  /// The bell.
  public var closes: Int64
  /// The candidate's own time from the start; `nil` for until the bell.
  public var durationMilliseconds: Int64?
  /// The sum of the time grants.
  public var grantedMilliseconds: Int64

  public init(opens: Int64, closes: Int64, durationMilliseconds: Int64? = nil, grantedMilliseconds: Int64 = 0) {
    self.opens = opens
    self.closes = closes
    self.durationMilliseconds = durationMilliseconds
    self.grantedMilliseconds = grantedMilliseconds
  }

  /// The instant at which time is up, for a start at `started`; grants move it.
  public func deadline(started: Int64?) -> Int64 {
    guard let durationMilliseconds, let started else { return closes + grantedMilliseconds }
    return min(closes, started + durationMilliseconds) + grantedMilliseconds
  }
}

/// Numeric comparison of dotted versions (S3-02): `3.10` is above `3.4.2`.
public struct DottedVersion: Hashable, Sendable, Comparable {
  public let parts: [UInt32]

  /// One to four numbers of up to six digits, separated by dots; `nil` for anything else.
  public init?(_ text: String) {
    let pieces = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard (1...4).contains(pieces.count) else { return nil }
    var parts: [UInt32] = []
    for piece in pieces {
      guard (1...6).contains(piece.count), piece.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      parts.append(piece.reduce(0) { $0 * 10 + UInt32($1 - 0x30) })
    }
    while parts.count > 1, parts.last == 0 { parts.removeLast() }
    self.parts = parts
  }

  public static func < (left: DottedVersion, right: DottedVersion) -> Bool {
    left.parts.lexicographicallyPrecedes(right.parts)
  }
}
