import CurlTransport
import ExamClient
import ExamModel
import ExamStore
import SyncCore
import SyncProtocol
import SyncWire

/// The blobs that are wanted, and their transfers.
struct SimDownloads {
  var core: BlobCore
  var transfers: [TransferID: (flight: SimFlight, transfer: BlobTransfer)] = [:]
  var references: [Digest256: BlobReference] = [:]
  var events: [BlobEvent] = []
  var isStepping = false
  var wakeAt: Int64?
}

/// Executes what the blob core decides, as `ExamClient+Downloads` does.
extension SimPhone {
  func refreshDownloads() {
    guard let store, core != nil else { return }
    var wanted: [WantedBlob] = []
    for record in wantedPapers() {
      for (index, reference) in ([record.manifest] + record.packs).enumerated() {
        guard let progress = try? store.blobProgress(reference) else { continue }
        downloads?.references[reference.digest] = reference
        wanted.append(
          WantedBlob(
            reference: reference, have: progress.held, isVerified: progress.isVerified, rank: index == 0 ? 0 : 1))
      }
    }
    stepDownloads(.want(wanted))
  }

  private func wantedPapers() -> [PaperRecord] {
    guard let store else { return [] }
    if let attempt { return [paperRecord(of: attempt)].compactMap(\.self) }
    return ((try? store.attempts()) ?? []).filter { !$0.isVoided }.compactMap { paperRecord(of: $0.attempt) }
  }

  func stepDownloads(_ event: BlobEvent) {
    guard downloads != nil else { return }
    downloads?.events.append(event)
    guard downloads?.isStepping == false else { return }
    downloads?.isStepping = true
    defer { downloads?.isStepping = false }
    while downloads?.events.isEmpty == false, let next = downloads?.events.removeFirst() {
      let effects = downloads?.core.step(next, at: coreInstant) ?? []
      for effect in effects { execute(effect) }
    }
  }

  private func execute(_ effect: BlobEffect) {
    switch effect {
    case .fetch(let transfer): fetch(transfer)
    case .cancel(let id):
      if let running = downloads?.transfers.removeValue(forKey: id) { world.network.cancel(running.flight) }
    case .verify(let reference):
      let isGood = (try? store?.verify(reference)) ?? false
      downloads?.events.append(isGood ? .verified(reference.digest) : .corrupt(reference.digest))
    case .discard(let digest): try? store?.removeBlob(digest)
    case .completed, .notice: break
    case .wake(let instant):
      downloads?.wakeAt = instant.milliseconds
      armWake()
    }
  }

  private func fetch(_ transfer: BlobTransfer) {
    guard !disk.isDead else { return }
    var request = plane.blob(transfer.digest, range: transfer.offset..<transfer.offset + transfer.length)
    request.progressTimeoutMilliseconds = Int(transfer.progressTimeoutMilliseconds)
    let current = generation
    let flight = world.network.send(request, kind: "blob", from: self) { [unowned self] result in
      enter(current) { [unowned self] in downloaded(transfer, result) }
    }
    downloads?.transfers[transfer.id] = (flight, transfer)
  }

  private func downloaded(_ transfer: BlobTransfer, _ result: Result<HTTPResponse, SimTransportFailure>) {
    guard let store, let running = downloads?.transfers.removeValue(forKey: transfer.id),
      let reference = downloads?.references[running.transfer.digest]
    else { return }
    let held = (try? store.blobProgress(reference).held) ?? 0
    switch result {
    case .failure: stepDownloads(.failed(transfer.id, .transport(have: held)))
    case .success(let response): take(response, of: transfer, reference, held: held, store)
    }
    armWake()
  }

  private func take(
    _ response: HTTPResponse, of transfer: BlobTransfer, _ reference: BlobReference, held: UInt64, _ store: ExamStore
  ) {
    guard response.status == 206, UInt64(response.body.count) == transfer.length,
      response.headers["content-range"]
        == "bytes \(transfer.offset)-\(transfer.offset + transfer.length - 1)/\(transfer.totalLength)"
    else {
      let failure: BlobFailure =
        switch response.status {
        case 404: .notFound
        case 416: .rangeIgnored
        default:
          .refused(
            HTTPRefusal(
              status: response.status, isAuthenticated: false,
              retryAfterSeconds: response.headers["retry-after"].flatMap(Int.init)))
        }
      return stepDownloads(.failed(transfer.id, failure))
    }
    do throws(ExamStoreError) {
      let progress = try store.append(response.body, at: transfer.offset, to: reference)
      stepDownloads(.finished(transfer.id, have: progress.held))
    } catch {
      stepDownloads(.failed(transfer.id, .storage))
    }
  }

  func pumpDownloads() {
    guard let due = downloads?.wakeAt, due <= Int64(clamping: reading().bootMilliseconds) else { return }
    downloads?.wakeAt = nil
    stepDownloads(.wake)
  }
}
