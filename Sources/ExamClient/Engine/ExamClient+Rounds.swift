import CurlTransport
import SyncCore

extension ExamClient {
  /// Sends what is pending, now. `false` if the server could not be reached or has not taken everything.
  @discardableResult
  public func sendChanges() async -> Bool { await roundTrip(.send) }

  /// Reads everything that the server has for this device, now.
  @discardableResult
  public func fetchChanges() async -> Bool { await roundTrip(.fetch) }

  func roundTrip(_ round: ManualRound) async -> Bool {
    guard store != nil else { return false }
    ringWhatIsDue()
    beginSync()
    guard core != nil else { return false }
    return await withCheckedContinuation { continuation in
      manualRounds.append((round, continuation))
      step(round == .send ? .sendChanges : .fetchChanges)
    }
  }

  /// The operating system's opinion of the network. A change makes sync try again at once (S3-25).
  public func networkChanged(isReachable: Bool) {
    ringWhatIsDue()
    if isReachable { transport?.closeIdleConnections() }
    if !isReachable { contact = .offline }
    step(.networkChanged(isReachable: isReachable))
    if isReachable { retryDownloads() }
    changed()
    armWake()
  }

  /// Cuts this engine off from the network, or lets it go on: for scripts.
  package func holdNetwork(_ isHeld: Bool) {
    guard isHeld != isNetworkHeld else { return }
    isNetworkHeld = isHeld
    if isHeld {
      contact = .offline
      for (id, flight) in flights {
        transport?.cancel(flight.handle)
        flights[id] = nil
        step(.failed(id, .transport))
      }
      cancelDownloads()
    }
    networkChanged(isReachable: !isHeld)
  }
}
