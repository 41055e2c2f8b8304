import ExamStore

/// When what the server's records bring about is taken again because the disk had no room for it: with the next
/// change, or after ``waitMilliseconds`` if none comes before. After a receipt none may.
package struct RecordRetry: Hashable, Sendable {
  package static let waitMilliseconds: UInt64 = 30_000

  /// When something was not stored, in boot milliseconds; `nil` when all was taken.
  private var failedAt: UInt64?

  package init() {}

  /// The boot milliseconds at which everything is taken again; `nil` when nothing is left.
  package var dueAt: UInt64? { failedAt.map { $0 + Self.waitMilliseconds } }

  package func isDue(atBoot now: UInt64) -> Bool { dueAt.map { now >= $0 } ?? false }

  /// Begins another look at the records.
  ///
  /// - Parameter collections: those that changed; `nil` for all.
  /// - Returns: the collections to look at, `nil` for all: nobody knows which of them the disk had no room for.
  package mutating func begin(_ collections: Set<String>?) -> Set<String>? {
    defer { failedAt = nil }
    return failedAt == nil ? collections : nil
  }

  /// Notes an error of taking records. Only what passes by itself, as a full disk does, is tried again.
  package mutating func note(_ error: any Error, atBoot now: UInt64) {
    if (error as? ExamStoreError)?.isTemporary == true { failedAt = now }
  }
}
