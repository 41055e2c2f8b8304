/// Why the exam screen was locked (S3-14, S3-18).
public enum LockCause: String, Hashable, Sendable, CaseIterable {
  case appSwitch = "app_switch"
  case search
  case call
  case screenshot
  case screenOff = "screen_off"
  case other
}

/// One lock: a numbered fact with its raw cause. Numbers of an attempt are 1, 2, 3 …
public struct LockFact: Hashable, Sendable {
  public var number: UInt32
  public var cause: LockCause
  /// What the platform reported, word for word; kept for staff.
  public var detail: String

  public init(number: UInt32, cause: LockCause, detail: String = "") {
    self.number = number
    self.cause = cause
    self.detail = detail
  }
}

/// An unlock names exactly one lock.
public struct UnlockFact: Hashable, Sendable {
  /// What shows that staff unlocked: a code, or the server's word.
  public enum Proof: Hashable, Sendable {
    /// The 8-digit code that the proctor read out, as typed; the server checks it again.
    case code(String)
    /// The nonce of a server's unlock record, and its MAC.
    case server(nonce: ID128, mac: [UInt8])
  }

  public var number: UInt32
  public var proof: Proof

  public init(number: UInt32, proof: Proof) {
    self.number = number
    self.proof = proof
  }
}

/// The locks and voids of one attempt: two sets that only grow and merge by union.
public struct LockLedger: Hashable, Sendable {
  public private(set) var locks: Set<UInt32> = []
  public private(set) var voids: Set<UInt32> = []
  public private(set) var unlocked: Set<UInt32> = []

  public init() {}

  /// Locks that count against the limit: those without a void.
  public var count: Int { locks.subtracting(voids).count }

  /// The lock that holds the attempt now: the greatest one that no unlock has opened.
  public var holding: UInt32? { locks.subtracting(unlocked).max() }

  /// The number of the next lock.
  public var next: UInt32 { (locks.max() ?? 0) + 1 }

  /// Adds a lock; one that is there stays as it is.
  public mutating func lock(_ number: UInt32) { locks.insert(number) }
  /// Takes a lock out of the count, for good.
  public mutating func void(_ number: UInt32) { voids.insert(number) }

  /// Opens the lock if it is the one that holds the attempt; anything else is void and changes nothing.
  public mutating func unlock(_ number: UInt32) -> Bool {
    guard holding == number else { return false }
    unlocked.insert(number)
    return true
  }

  /// Joins the facts of another ledger to these.
  public mutating func merge(_ other: LockLedger) {
    locks.formUnion(other.locks)
    voids.formUnion(other.voids)
    unlocked.formUnion(other.unlocked)
  }
}
