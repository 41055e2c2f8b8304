import ServerCore
import SyncProtocol

/// What the writer's thread owns: the decisions and their store. Made, used and closed on that thread.
protocol WriterEngine: AnyObject {
  /// Performs one batch in one transaction; each call has its own reply.
  func perform(_ batch: [ServerCall], now: Int64) -> BatchOutcome
  /// Why the store can no longer be trusted; `nil` while it is sound. Looked at after each batch, before its replies
  /// leave: from then on nothing is performed, and ``abandon()`` takes the place of ``close()``.
  var fault: String? { get }
  /// A look at the disk and the like, at most fifty times a second.
  func maintain()
  /// A short piece of longer work, such as a backup, between two batches.
  ///
  /// - Returns: whether more of it is left.
  func continueWork() -> Bool
  /// Starts a copy of the store; `completion` is called on this thread when it is done.
  func beginBackup(to path: String, completion: @escaping @Sendable (Result<Void, Problem>) -> Void)
  /// The last call: checkpoints and closes the store.
  func close()
  /// The last call after a ``fault``: writes nothing more, so that the next opening finds what the disk has.
  func abandon()
}
