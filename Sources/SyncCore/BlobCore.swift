import ExamModel
import SyncProtocol

/// Fetches blobs as a state machine: events in, effects out, deadlines as data.
///
/// It is apart from ``SyncCore``, with back-off and transfers of its own, so that downloads never delay an answer and
/// answers never wait for a download. While answers are on their way it keeps to one transfer instead of two.
///
/// Blobs are public, sealed and immutable: no session, no MAC, any cache; the digest at the end is the proof. What was
/// stored stays over failures and restarts, and the next transfer begins there. Each blob's own machine is drawn at
/// `BlobTrack`.
///
/// Level-triggered like its sibling: a blob that is wanted and not there has a transfer under way, the executor's word
/// pending, or a wake armed. Equal seeds and equal events give equal effects.
public struct BlobCore: Hashable, Sendable {
  var generator: SeededGenerator
  var now: Instant = .zero
  /// In the caller's order.
  var blobs: [BlobTrack] = []
  var transfers: [Transfer] = []
  var lane = Lane()
  var isYielding = false
  var isReachable = true
  var wasStorageNoticed = false
  var armedWake: Instant?
  var lastTransfer: UInt64 = 0
  var effects: [BlobEffect] = []
  /// How often each rare branch was reached.
  public internal(set) var probes = ProbeCounts<BlobProbe>()

  struct Transfer: Hashable, Sendable {
    var id: TransferID
    var digest: Digest256
    var startedAt: Instant
    var progressedAt: Instant
  }

  public init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  /// Takes one event and does whatever is due. An instant before that of the last step counts as that.
  public mutating func step(_ event: BlobEvent, at instant: Instant) -> [BlobEffect] {
    now = max(now, instant)
    if let armed = armedWake, armed <= now { armedWake = nil }
    handle(event)
    schedule()
    defer { effects = [] }
    return effects
  }

  public var progress: BlobFetchProgress {
    BlobFetchProgress(
      blobsHave: blobs.count { $0.phase == .done }, blobsTotal: blobs.count,
      bytesHave: blobs.reduce(0) { $0 + $1.have }, bytesTotal: blobs.reduce(0) { $0 + $1.reference.length },
      transfersInFlight: transfers.count, missingCount: blobs.count(where: \.isMissing))
  }

  private mutating func handle(_ event: BlobEvent) {
    switch event {
    case .want(let wanted): want(wanted)
    case .stop: want([])
    case .answersInFlight(let areInFlight): isYielding = areInFlight
    case .networkChanged(let isReachable): networkChanged(isReachable: isReachable)
    case .wake: break
    case .progressed(let id, let have): progressed(id, have: have)
    case .finished(let id, let have): finished(id, have: have)
    case .failed(let id, let failure): failed(id, failure)
    case .verified(let digest): verified(digest)
    case .corrupt(let digest): corrupt(digest)
    }
  }

  mutating func sometimes(_ probe: BlobProbe) {
    probes.mark(probe)
  }

  func index(of digest: Digest256) -> Int? { blobs.firstIndex { $0.digest == digest } }

  private mutating func want(_ wanted: [WantedBlob]) {
    var tracks: [BlobTrack] = []
    var seen: Set<Digest256> = []
    for blob in wanted where seen.insert(blob.reference.digest).inserted {
      let fresh = BlobTrack(blob)
      if var track = blobs.first(where: { $0.reference == blob.reference }) {
        track.rank = blob.rank
        if track.isMissing { (track.isMissing, track.notBefore) = (false, .zero) }
        // A transfer or a check under way knows better; otherwise the store does.
        if track.phase == .waiting || track.phase == .done { (track.have, track.phase) = (fresh.have, fresh.phase) }
        tracks.append(track)
      } else {
        tracks.append(fresh)
      }
    }
    blobs = tracks
    for transfer in transfers where !tracks.contains(where: { $0.transfer == transfer.id }) {
      effects.append(.cancel(transfer.id))
    }
    transfers.removeAll { transfer in !tracks.contains { $0.transfer == transfer.id } }
  }

  private mutating func networkChanged(isReachable: Bool) {
    self.isReachable = isReachable
    guard isReachable else {
      return lane.lengthen(at: now, cap: Limits.backoffCapMilliseconds, using: &generator)
    }
    lane.networkChanged(notBefore: now)
    for transfer in transfers
    where now.milliseconds(since: transfer.progressedAt) >= SyncTuning.staleFlightMilliseconds {
      effects.append(.cancel(transfer.id))
      release(transfer.id)
    }
  }

  /// Ends a transfer; what it stored stays.
  mutating func release(_ id: TransferID) {
    transfers.removeAll { $0.id == id }
    guard let index = blobs.firstIndex(where: { $0.transfer == id }) else { return }
    blobs[index].phase = .waiting
  }
}
