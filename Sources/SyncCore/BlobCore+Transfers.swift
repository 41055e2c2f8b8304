import ExamModel
import SyncProtocol

/// What becomes of transfers, and what is started next.
extension BlobCore {
  private mutating func blobIndex(of id: TransferID) -> Int? {
    guard transfers.contains(where: { $0.id == id }) else {
      sometimes(.unknownTransfer)
      return nil
    }
    return blobs.firstIndex { $0.transfer == id }
  }

  mutating func progressed(_ id: TransferID, have: UInt64) {
    guard let index = blobIndex(of: id), let place = transfers.firstIndex(where: { $0.id == id }) else { return }
    if have > blobs[index].have { lane.succeeded() }
    blobs[index].have = min(have, blobs[index].reference.length)
    transfers[place].progressedAt = now
  }

  mutating func finished(_ id: TransferID, have: UInt64) {
    guard let index = blobIndex(of: id) else { return }
    let before = blobs[index].have
    release(id)
    blobs[index].have = min(have, blobs[index].reference.length)
    blobs[index].isMissing = false
    wasStorageNoticed = false
    // A range that ended well and brought nothing would be asked for in a loop.
    let cameForward = blobs[index].have > before || blobs[index].isWhollyThere
    blobs[index].failures = cameForward ? 0 : blobs[index].failures + 1
    if cameForward { lane.succeeded() } else { fail() }
  }

  mutating func failed(_ id: TransferID, _ failure: BlobFailure) {
    guard let index = blobIndex(of: id) else { return }
    release(id)
    blobs[index].failures += 1
    switch failure {
    case .transport(let have):
      blobs[index].have = min(have, blobs[index].reference.length)
      fail()
    case .notFound:
      sometimes(.missing)
      if !blobs[index].isMissing { effects.append(.notice(.missing(blobs[index].digest))) }
      blobs[index].isMissing = true
      blobs[index].notBefore = now.advanced(byMilliseconds: SyncTuning.missingBlobRetryMilliseconds)
    case .rangeIgnored:
      sometimes(.rangeMismatch)
      blobs[index].isWhole = true
      discard(index)
      fail()
    case .tooLong:
      sometimes(.longerThanPromised)
      discard(index)
      fail()
    case .refused(let refusal):
      if let asked = refusal.retryAfterSeconds, asked > 0 {
        let cap = Limits.unauthenticatedRetryAfterCapMilliseconds
        lane.waitForSlot(at: now.advanced(byMilliseconds: min(Int64(clamping: asked), cap / 1_000) * 1_000))
      }
      fail()
    case .storage:
      if !wasStorageNoticed { effects.append(.notice(.storageFailed)) }
      wasStorageNoticed = true
      lane.failedLastingly(at: now, cap: Limits.backoffCapMilliseconds, using: &generator)
    }
  }

  private mutating func fail() {
    let cap = Limits.backoffCapMilliseconds
    if isReachable {
      lane.failed(at: now, cap: cap, using: &generator)
    } else {
      lane.failedLastingly(at: now, cap: cap, using: &generator)
    }
  }

  private mutating func discard(_ index: Int) {
    blobs[index].have = 0
    effects.append(.discard(blobs[index].digest))
  }

  mutating func verified(_ digest: Digest256) {
    guard let index = index(of: digest), case .verifying = blobs[index].phase else { return }
    blobs[index].phase = .done
    blobs[index].corruptions = 0
    effects.append(.completed(digest))
  }

  mutating func corrupt(_ digest: Digest256) {
    guard let index = index(of: digest), blobs[index].transfer == nil, blobs[index].isWhollyThere else { return }
    sometimes(.corrupt)
    blobs[index].phase = .waiting
    blobs[index].corruptions += 1
    let corruptions = blobs[index].corruptions
    let ceiling = Lane.ceilingMilliseconds(attempt: corruptions, cap: Limits.backoffCapMilliseconds)
    blobs[index].notBefore = now.advanced(byMilliseconds: Int64.random(in: 1...ceiling, using: &generator))
    if corruptions == Self.corruptionsNoticed { effects.append(.notice(.corruptRepeatedly(digest))) }
    discard(index)
  }

  static let corruptionsNoticed = 3

  // MARK: The schedule

  mutating func schedule() {
    giveUpLostTransfers()
    for index in blobs.indices {
      if case .verifying(let since) = blobs[index].phase,
        now.milliseconds(since: since) >= SyncTuning.verifyPatienceMilliseconds
      {
        sometimes(.executorOwed)
        blobs[index].phase = .waiting
      }
      guard blobs[index].phase == .waiting, blobs[index].isWhollyThere else { continue }
      blobs[index].phase = .verifying(since: now)
      effects.append(.verify(blobs[index].reference))
    }
    while transfers.count < mostTransfers, lane.due <= now, let index = nextBlob { fetch(index) }
    armWake()
  }

  var mostTransfers: Int { isYielding ? 1 : SyncTuning.blobTransfers }

  /// The blob whose turn it is: the lowest rank first, those that failed lately after the others.
  var nextBlob: Int? {
    blobs.indices
      .filter { blobs[$0].phase == .waiting && !blobs[$0].isWhollyThere && blobs[$0].notBefore <= now }
      .min { left, right in
        let (first, second) = (blobs[left], blobs[right])
        return (first.rank, first.failures, left) < (second.rank, second.failures, right)
      }
  }

  private mutating func giveUpLostTransfers() {
    for transfer in transfers
    where now.milliseconds(since: transfer.progressedAt) >= SyncTuning.flightPatienceMilliseconds {
      sometimes(.transferGivenUp)
      effects.append(.cancel(transfer.id))
      release(transfer.id)
      fail()
    }
  }

  private mutating func fetch(_ index: Int) {
    lastTransfer += 1
    let id = TransferID(number: lastTransfer)
    if blobs[index].isWhole, blobs[index].have > 0 { discard(index) }
    let blob = blobs[index]
    if blob.have > 0 { sometimes(.resumed) }
    blobs[index].phase = .fetching(id)
    transfers.append(Transfer(id: id, digest: blob.digest, startedAt: now, progressedAt: now))
    effects.append(
      .fetch(
        BlobTransfer(
          id: id, digest: blob.digest, offset: blob.have, length: blob.nextLength, totalLength: blob.reference.length,
          progressTimeoutMilliseconds: Limits.progressTimeoutMilliseconds)))
  }

  private mutating func armWake() {
    guard let next = nextInstant, next != armedWake else { return }
    armedWake = next
    effects.append(.wake(at: next))
  }

  var nextInstant: Instant? {
    var instants = transfers.map {
      $0.progressedAt.advanced(byMilliseconds: SyncTuning.flightPatienceMilliseconds)
    }
    for blob in blobs {
      switch blob.phase {
      case .waiting: instants.append(max(lane.due, blob.notBefore))
      case .verifying(let since):
        instants.append(since.advanced(byMilliseconds: SyncTuning.verifyPatienceMilliseconds))
      case .fetching, .done: break
      }
    }
    return instants.filter { $0 > now }.min()
  }

  /// What is wrong after a step, or `nil`: a blob that is wanted is under way, or a wake is armed.
  public func invariantViolation() -> String? {
    if let armedWake, armedWake <= now { return "the wake of \(armedWake) is not after \(now)" }
    if transfers.count > SyncTuning.blobTransfers { return "more than \(SyncTuning.blobTransfers) transfers" }
    if let next = nextInstant {
      guard let armedWake, armedWake <= next else { return "nothing wakes the core at \(next)" }
    }
    if transfers.count < mostTransfers, lane.due <= now, nextBlob != nil { return "a transfer is due and was not made" }
    for blob in blobs {
      if blob.have > blob.reference.length { return "blob \(blob.digest) has more than its length" }
      if let id = blob.transfer, !transfers.contains(where: { $0.id == id }) { return "\(id) is nobody's" }
      if blob.phase == .waiting, blob.isWhollyThere { return "blob \(blob.digest) is there and not verified" }
    }
    return nil
  }
}
