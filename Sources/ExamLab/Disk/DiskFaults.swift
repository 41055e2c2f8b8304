/// What can go wrong on a virtual disk while it is used. All zero: a perfect disk, and nothing is drawn.
///
/// Rates are in a million calls of their kind; each hit is one choice of the concern `.diskError`.
package struct DiskFaults: Hashable, Sendable {
  /// A read answers EIO.
  package var readErrorsPerMillion = 0
  /// A read gives a part and zeros for the rest, as `SQLITE_IOERR_SHORT_READ`.
  package var shortReadsPerMillion = 0
  /// A write answers EIO, after none or some of its sectors.
  package var writeErrorsPerMillion = 0
  /// A truncation answers EIO.
  package var truncateErrorsPerMillion = 0
  /// A removal answers EIO.
  package var deleteErrorsPerMillion = 0
  /// A sync answers EIO. What it was to make durable is then clean and lost: seen by reads, gone after a power cut,
  /// and the next sync succeeds (Rebello et al., USENIX ATC 2020).
  package var syncErrorsPerMillion = 0
  /// The same, and from then on every sync fails until ``VirtualDisk/faults`` is set anew.
  package var lastingSyncErrorsPerMillion = 0
  /// A sync answers success and makes nothing durable.
  package var lyingSyncsPerMillion = 0
  /// Room for all files, in bytes; a write that needs more answers `SQLITE_FULL`. `nil` for no end of room.
  package var capacityBytes: Int?

  package init() {}
}

/// Damage to files while nothing runs.
package enum DiskDamage {
  /// One bit of a file is inverted. Beyond the file's end nothing happens.
  case flipBit(path: String, byte: Int, bit: Int)
  /// A file is gone, such as a `-wal` that a tidy person removed.
  case remove(path: String)
  /// A file is as it was in an earlier image, or gone if that image has none: a whole database taken back, or a
  /// stale `-wal` beside a newer database.
  case rollBack(path: String, to: DiskImage)
  /// A file and its namesake on another disk change places.
  case swap(path: String, with: VirtualDisk)
}

/// The files of a disk at an instant.
package struct DiskImage: Hashable, Sendable {
  package struct File: Hashable, Sendable {
    package var path: String
    package var bytes: [UInt8]
    /// Room that the file takes without any content of interest.
    package var reservedByteCount: Int
  }

  /// In the order of their paths.
  package var files: [File]

  package subscript(_ path: String) -> File? { files.first { $0.path == path } }
}
