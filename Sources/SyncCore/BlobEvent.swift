public import ExamModel
public import SyncProtocol

/// Names one transfer of one core. Never used twice by a core.
public struct TransferID: Hashable, Sendable, Comparable {
  public let number: UInt64

  init(number: UInt64) {
    self.number = number
  }

  public static func < (left: TransferID, right: TransferID) -> Bool { left.number < right.number }
}

extension TransferID: CustomStringConvertible {
  public var description: String { "transfer \(number)" }
}

/// A blob that is wanted, and how much of it the store has.
public struct WantedBlob: Hashable, Sendable {
  public var reference: BlobReference
  /// Bytes from the beginning that are durably there.
  public var have: UInt64
  /// Its digest was found good; nothing more is fetched.
  public var isVerified: Bool
  /// Smaller comes first: 0 for manifests, say, and 1 for packs.
  public var rank: Int

  public init(reference: BlobReference, have: UInt64 = 0, isVerified: Bool = false, rank: Int = 1) {
    self.reference = reference
    self.have = min(have, reference.length)
    self.isVerified = isVerified
    self.rank = rank
  }
}

/// What can happen to ``BlobCore``. Every event may come at any time, twice, or late.
public enum BlobEvent: Hashable, Sendable {
  /// Everything that is wanted from now on, in place of what was wanted before. Transfers of what is no longer wanted
  /// are cancelled; blobs that the server did not have are asked for again.
  case want([WantedBlob])
  /// Nothing is wanted any more: transfers are cancelled.
  case stop
  /// Answers are on their way, or no longer: meanwhile one transfer at a time is enough.
  case answersInFlight(Bool)
  case networkChanged(isReachable: Bool)
  case wake
  /// Bytes from the beginning up to `have` are durably there, and more is coming.
  case progressed(TransferID, have: UInt64)
  /// The range came whole and is durably there.
  case finished(TransferID, have: UInt64)
  case failed(TransferID, BlobFailure)
  /// After ``BlobEffect/verify(_:)``: the SHA-256 of the stored bytes is the digest.
  case verified(Digest256)
  /// After ``BlobEffect/verify(_:)``, or found later on reading (S3-28): they are other bytes.
  case corrupt(Digest256)
}

/// Why a transfer ended early. What had come before is kept, unless it says otherwise.
public enum BlobFailure: Error, Hashable, Sendable {
  /// `have` is what is durably there.
  case transport(have: UInt64)
  /// 404.
  case notFound
  /// 200 for a range that does not begin at 0, another `Content-Range`, or 416.
  case rangeIgnored
  /// More bytes than the reference says.
  case tooLong
  /// Any other status, or no blob at all: a portal's page, a redirect.
  case refused(HTTPRefusal)
  /// The store could not write. Its disk may be full.
  case storage
}

/// What the executor does next, in the order given.
public enum BlobEffect: Hashable, Sendable {
  /// `GET /v1/blobs/<digest>` with a Range; ends with ``BlobEvent/finished(_:have:)`` or ``BlobEvent/failed(_:_:)``.
  case fetch(BlobTransfer)
  /// Forgets a transfer; what it has stored stays.
  case cancel(TransferID)
  /// Compares length and SHA-256 of the stored bytes; then ``BlobEvent/verified(_:)`` or ``BlobEvent/corrupt(_:)``.
  case verify(BlobReference)
  /// Drops the stored bytes: they are wrong, and are fetched from the beginning.
  case discard(Digest256)
  /// The blob is there and good.
  case completed(Digest256)
  case wake(at: Instant)
  case notice(BlobNotice)
}

/// What a person or the audit should learn of downloads.
public enum BlobNotice: Hashable, Sendable {
  /// The server does not have it. Asked for again when the scope changes, and every minute.
  case missing(Digest256)
  /// The bytes were wrong three times: a cache between here and the server may be broken.
  case corruptRepeatedly(Digest256)
  /// The store cannot write.
  case storageFailed
}

/// One range of one blob.
public struct BlobTransfer: Hashable, Sendable {
  public var id: TransferID
  public var digest: Digest256
  /// The first byte.
  public var offset: UInt64
  /// Bytes of this range: `Range: bytes=<offset>-<offset + length − 1>`.
  public var length: UInt64
  /// Of the blob.
  public var totalLength: UInt64
  public var progressTimeoutMilliseconds: Int64
}

/// How far fetching has come, for a progress bar and for the start gate.
public struct BlobFetchProgress: Hashable, Sendable {
  public var blobsHave: Int
  public var blobsTotal: Int
  public var bytesHave: UInt64
  public var bytesTotal: UInt64
  public var transfersInFlight: Int
  /// Blobs that the server did not have when asked last.
  public var missingCount: Int

  /// Everything that is wanted is there and verified. True when nothing is wanted.
  public var isComplete: Bool { blobsHave == blobsTotal }
}
