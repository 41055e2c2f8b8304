import CSQLite

/// A version of the SQLite library.
public struct LibraryVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
  public let major: Int
  public let minor: Int
  public let patch: Int

  public init(_ major: Int, _ minor: Int, _ patch: Int) {
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// The library that this process is linked with.
  public static var linked: LibraryVersion {
    let number = Int(sqlite3_libversion_number())
    return LibraryVersion(number / 1_000_000, number / 1000 % 1000, number % 1000)
  }

  public var description: String { "\(major).\(minor).\(patch)" }

  public static func < (left: LibraryVersion, right: LibraryVersion) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }

  /// 3.7.0 to 3.51.2: two connections that write and checkpoint at the same instant can damage a WAL database
  /// (sqlite.org/wal.html#walresetbug). Repaired in 3.51.3 and in the branch releases 3.50.7 and 3.44.6; a
  /// distribution may have repaired an older one.
  public var hasWALResetBug: Bool {
    guard self >= LibraryVersion(3, 7, 0), self < LibraryVersion(3, 51, 3) else { return false }
    let isRepairedBranch = (minor == 50 && patch >= 7) || (minor == 44 && patch >= 6)
    return !isRepairedBranch
  }

  /// A note for `doctor`; `nil` if there is nothing to say.
  public var note: String? {
    guard hasWALResetBug else { return nil }
    return "SQLite \(self) has the WAL-reset bug (3.7.0 to 3.51.2), which needs two connections that write and "
      + "checkpoint at once. The stores hold an exclusive lock and are not affected; SQLite 3.51.3 repairs it."
  }
}

extension Connection {
  /// The version of the linked SQLite library.
  public static var libraryVersion: LibraryVersion { .linked }
}
