import CurlTransport
import SyncCore
import SyncProtocol
import Synchronization

/// Takes the bytes of one range on the transport's thread, until the engine stores them.
final class BlobReceiver: Sendable {
  private let transfer: BlobTransfer
  private let state = Mutex(State())

  private struct State {
    var bytes: [UInt8] = []
    /// Everything that came, stored or not.
    var count: UInt64 = 0
    var isHeadChecked = false
    var fault: BlobFailure?
  }

  /// The engine is told when this much has come, so that a slow link loses little.
  static let flushBytes = 32 * 1024

  init(_ transfer: BlobTransfer) {
    self.transfer = transfer
  }

  /// - Returns: whether to go on, and whether there is enough to be stored.
  func take(_ head: HTTPResponseHead, _ bytes: [UInt8]) -> (decision: BodyChunkDecision, isFull: Bool) {
    state.withLock { state in
      if !state.isHeadChecked {
        state.isHeadChecked = true
        state.fault = fault(of: head)
      }
      let limit = head.status == 200 ? transfer.totalLength : transfer.length
      if state.fault == nil, state.count + UInt64(bytes.count) > limit { state.fault = .tooLong }
      guard state.fault == nil else { return (.abort, false) }
      state.count += UInt64(bytes.count)
      state.bytes += bytes
      return (.proceed, state.bytes.count >= Self.flushBytes)
    }
  }

  /// Bytes that came since the last call, in order.
  func drain() -> [UInt8] {
    state.withLock { state in
      defer { state.bytes = [] }
      return state.bytes
    }
  }

  /// Why the bytes were refused.
  var fault: BlobFailure? { state.withLock { $0.fault } }

  /// Judges a head before a byte of its body is taken: a portal's page is not a blob.
  private func fault(of head: HTTPResponseHead) -> BlobFailure? {
    let refused = BlobFailure.refused(HTTPRefusal(status: head.status, isAuthenticated: false))
    if head.headers["content-type"]?.hasPrefix("text/") == true { return refused }
    switch head.status {
    case 206:
      guard let range = head.headers["content-range"],
        range == "bytes \(transfer.offset)-\(transfer.offset + transfer.length - 1)/\(transfer.totalLength)"
      else { return .rangeIgnored }
      return nil
    case 200:
      if let length = head.headers["content-length"], UInt64(length) != transfer.totalLength { return refused }
      return transfer.offset == 0 ? nil : .rangeIgnored
    default: return refused
    }
  }
}
