import ServerCore

/// Takes the reply of a call on its own event loop.
protocol ReplyTarget: AnyObject, Sendable {
  /// - Parameter number: the request that the reply belongs to; another one may be under way by then.
  func take(_ reply: ServerReply, number: UInt64)
}

/// Where a reply goes once its batch is committed.
enum ReplySink: Sendable {
  /// Handed over together with all other replies of the batch for that loop.
  case connection(any ReplyTarget, number: UInt64, loop: Int)
  /// Called on the writer's thread: must hand on and not work.
  case callback(@Sendable (ServerReply) -> Void)
  case nobody
}

/// What waits for the writer.
struct WriterJob: Sendable {
  enum Task: Sendable {
    case call(ServerCall)
    /// Work on the store itself, outside any transaction.
    case work(@Sendable (any WriterEngine) -> Void)
  }

  var task: Task
  var sink: ReplySink
}

/// A reply on its way to a connection.
struct LoopReply: Sendable {
  var target: any ReplyTarget
  var number: UInt64
  var reply: ServerReply
}
