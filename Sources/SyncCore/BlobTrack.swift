import ExamModel
import SyncProtocol

/// One blob on its way.
///
/// ```
///  waiting ── a transfer is free, its time came ──▶ fetching ── all bytes there ──▶ verifying ── good ──▶ done
///   ▲ ▲ ▲                                             │ │                              │                   │
///   │ │ └── resumed where it stopped ── failed ───────┘ │                              │ corrupt           │
///   │ └──── missing: a minute, or another scope ── 404 ─┘                              ▼                   │
///   └─────────────────────────────── from 0, backed off ◀──────────────────────── discarded ◀── corrupt ───┘
/// ```
struct BlobTrack: Hashable, Sendable {
  enum Phase: Hashable, Sendable {
    case waiting
    case fetching(TransferID)
    case verifying(since: Instant)
    case done
  }

  var reference: BlobReference
  var rank: Int
  var have: UInt64
  var phase: Phase
  var notBefore: Instant = .zero
  var isMissing = false
  /// Bytes were wrong so often in a row.
  var corruptions = 0
  /// Transfers that failed in a row: others go first.
  var failures = 0
  /// The server, or a cache, does not do ranges: ask for everything at once.
  var isWhole = false

  init(_ wanted: WantedBlob) {
    reference = wanted.reference
    rank = wanted.rank
    have = wanted.isVerified ? wanted.reference.length : wanted.have
    phase = wanted.isVerified ? .done : .waiting
  }

  var digest: Digest256 { reference.digest }
  var isWhollyThere: Bool { have == reference.length }

  var transfer: TransferID? {
    if case .fetching(let id) = phase { return id }
    return nil
  }

  /// The next range to ask for.
  var nextLength: UInt64 {
    isWhole ? reference.length : min(reference.length - have, UInt64(Limits.blobRangeBytes))
  }
}
