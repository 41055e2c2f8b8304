import CurlTransport
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol

/// The blobs that are wanted, and their transfers.
struct DownloadQueue {
  var core: BlobCore
  var transfers: [TransferID: Transfer] = [:]
  var references: [Digest256: BlobReference] = [:]
  var events: [BlobEvent] = []
  var isStepping = false
  var wakeAt: Int64?

  struct Transfer {
    var transfer: BlobTransfer
    var handle: CurlTransport.RequestHandle
    var receiver: BlobReceiver
  }

  init() {
    core = BlobCore(seed: ID128.random().low)
  }
}

/// Executes what the blob core decides, and decides nothing.
extension ExamClient {
  /// Wants every blob of the paper that this device may sit, and of papers to come.
  func refreshDownloads() {
    guard let store, core != nil else { return }
    var wanted: [WantedBlob] = []
    for record in wantedPapers() {
      for (index, reference) in ([record.manifest] + record.packs).enumerated() {
        guard let progress = try? store.blobProgress(reference) else { continue }
        downloads.references[reference.digest] = reference
        wanted.append(
          WantedBlob(
            reference: reference, have: progress.held, isVerified: progress.isVerified, rank: index == 0 ? 0 : 1))
      }
    }
    stepDownloads(.want(wanted))
  }

  /// The paper of the attempt that was joined; before that, those of all attempts, hours ahead.
  private func wantedPapers() -> [PaperRecord] {
    guard let store, configuration.automaticallySync else { return [] }
    if let attempt { return [paperRecord(of: attempt)].compactMap(\.self) }
    return ((try? store.attempts()) ?? []).filter { !$0.isVoided }.compactMap { paperRecord(of: $0.attempt) }
  }

  func stepDownloads(_ event: BlobEvent) {
    downloads.events.append(event)
    guard !downloads.isStepping else { return }
    downloads.isStepping = true
    defer { downloads.isStepping = false }
    while !downloads.events.isEmpty {
      let next = downloads.events.removeFirst()
      let effects = downloads.core.step(next, at: Instant(bootMilliseconds: reading().bootMilliseconds))
      for effect in effects { execute(effect) }
    }
  }

  private func execute(_ effect: BlobEffect) {
    switch effect {
    case .fetch(let transfer): fetch(transfer)
    case .cancel(let id):
      if let running = downloads.transfers.removeValue(forKey: id) { transport?.cancel(running.handle) }
    case .verify(let reference): verify(reference)
    case .discard(let digest):
      do throws(ExamStoreError) { try store?.removeBlob(digest) } catch {
        logFault("a blob was not removed", "\(error)")
      }
    case .completed: changed()
    case .wake(let instant):
      downloads.wakeAt = instant.milliseconds
      armWake()
    case .notice(let notice): logNotice("downloads", "\(notice)")
    }
  }

  private func fetch(_ transfer: BlobTransfer) {
    guard let transport, !isNetworkHeld else {
      downloads.events.append(.failed(transfer.id, .transport(have: transfer.offset)))
      return
    }
    let receiver = BlobReceiver(transfer)
    var request = plane.blob(transfer.digest, range: transfer.offset..<transfer.offset + transfer.length)
    request.progressTimeoutMilliseconds = Int(transfer.progressTimeoutMilliseconds)
    request.onBodyChunk = { [weak self] head, bytes in
      let (decision, isFull) = receiver.take(head, bytes)
      if isFull { Task { [weak self] in await self?.storeDownloaded(transfer.id) } }
      return decision
    }
    let handle = transport.start(request) { [weak self] result in
      Task { await self?.downloaded(transfer.id, result) }
    }
    downloads.transfers[transfer.id] = DownloadQueue.Transfer(transfer: transfer, handle: handle, receiver: receiver)
  }

  /// Stores what has come so far. Bytes are drained in order, whichever of these calls comes first.
  private func storeDownloaded(_ id: TransferID) {
    guard let running = downloads.transfers[id], let have = store(running) else { return }
    stepDownloads(.progressed(id, have: have))
    changed()
  }

  /// - Returns: how much is durably there; `nil` after the store failed, which the core was told.
  private func store(_ running: DownloadQueue.Transfer) -> UInt64? {
    guard let store, let reference = downloads.references[running.transfer.digest] else { return nil }
    do throws(ExamStoreError) {
      var held = try store.blobProgress(reference).held
      let bytes = running.receiver.drain()
      var start = 0
      while start < bytes.count {
        let end = min(start + Limits.blobRangeBytes, bytes.count)
        held = try store.append(Array(bytes[start..<end]), at: held, to: reference).held
        start = end
      }
      return held
    } catch {
      logFault("a download was not stored", "\(error)")
      downloads.transfers[running.transfer.id] = nil
      transport?.cancel(running.handle)
      stepDownloads(.failed(running.transfer.id, .storage))
      return nil
    }
  }

  private func downloaded(_ id: TransferID, _ result: Result<HTTPResponse, TransportError>) {
    guard let running = downloads.transfers[id], let have = store(running) else { return }
    downloads.transfers[id] = nil
    if let fault = running.receiver.fault {
      stepDownloads(.failed(id, fault))
    } else {
      switch result {
      case .failure: stepDownloads(.failed(id, .transport(have: have)))
      case .success(let response) where response.status == 200 || response.status == 206:
        stepDownloads(.finished(id, have: have))
      case .success(let response) where response.status == 404: stepDownloads(.failed(id, .notFound))
      case .success(let response) where response.status == 416: stepDownloads(.failed(id, .rangeIgnored))
      case .success(let response):
        let refusal = HTTPRefusal(
          status: response.status, isAuthenticated: false, retryAfterSeconds: DevicePlane.retryAfterSeconds(response))
        stepDownloads(.failed(id, .refused(refusal)))
      }
    }
    changed()
    armWake()
  }

  private func verify(_ reference: BlobReference) {
    do throws(ExamStoreError) {
      let isGood = try store?.verify(reference) ?? false
      downloads.events.append(isGood ? .verified(reference.digest) : .corrupt(reference.digest))
    } catch {
      logFault("a blob could not be verified", "\(error)")
      downloads.events.append(.corrupt(reference.digest))
    }
    changed()
  }

  func pumpDownloads() {
    guard let due = downloads.wakeAt, due <= Int64(clamping: reading().bootMilliseconds) else { return }
    downloads.wakeAt = nil
    stepDownloads(.wake)
  }

  func retryDownloads() {
    stepDownloads(.networkChanged(isReachable: true))
  }

  func cancelDownloads() {
    for (id, running) in downloads.transfers {
      transport?.cancel(running.handle)
      downloads.transfers[id] = nil
      stepDownloads(.failed(id, .transport(have: (try? store?.blobProgress(reference(running)).held) ?? 0)))
    }
  }

  private func reference(_ running: DownloadQueue.Transfer) -> BlobReference {
    BlobReference(digest: running.transfer.digest, length: running.transfer.totalLength)
  }

  /// What is here and what is wanted of the joined attempt's paper; the store's word, and nobody's memory.
  func downloadProgress() -> DownloadProgress {
    var progress = DownloadProgress()
    guard let store, let attempt, let record = paperRecord(of: attempt) else { return progress }
    for reference in [record.manifest] + record.packs {
      progress.total += 1
      progress.totalBytes += reference.length
      guard let held = try? store.blobProgress(reference) else { continue }
      progress.receivedBytes += held.held
      progress.complete += held.isVerified ? 1 : 0
    }
    progress.isKeyReleased = paperKey(of: attempt, record) != nil
    return progress
  }
}
