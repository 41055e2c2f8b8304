import ExamModel
import SyncProtocol
import SyncWire

/// A successor of which the server lacks the predecessor: it was restored from a backup, and the device does not know.
///
/// Judged before its own past, the successor would lack what that says: the start, say. Told that there is a gap, the
/// device asks what the server has, and pushes first what it left. Where the successor is taken all the same, the
/// predecessor gets its place below it when it comes: what ranks two answers under one lease is the order of their
/// journals.
extension ServerCore {
  /// So long a device is waited for that never reads of the epoch, from the first offer on.
  static let predecessorPatienceMilliseconds: Int64 = 300_000
  static let sessionsRemembered = 200_000
  static let waitingRemembered = 10_000

  /// Notes what a request says of its device, and gives whether that knows of this opening of the store: its session
  /// names a cursor of the epoch, or has done so.
  func noteEpoch(of call: DeviceCall) -> Bool {
    guard call.request.scopes.contains(where: { $0.cursor.epoch == epoch }) else {
      return sessionsOfEpoch.contains(call.session)
    }
    if sessionsOfEpoch.count >= Self.sessionsRemembered { sessionsOfEpoch.removeAll() }
    sessionsOfEpoch.insert(call.session)
    return true
  }

  /// Whether a new journal goes on from one that is not here, and its device has to offer that first.
  func waitsForPredecessor(_ push: PackedPush, of attempt: AttemptMemory, device: ID128) -> Bool {
    guard let entry = try? Entry(wire: push.bodies.body(0)), let predecessor = EntryPeek.predecessor(entry)?.journal,
      !attempt.journals.contains(where: { $0.row.id == predecessor })
    else { return false }
    if waitingForPredecessor.count >= Self.waitingRemembered { waitingForPredecessor.removeAll() }
    let since = waitingForPredecessor[device] ?? time
    waitingForPredecessor[device] = since
    return time - since < Self.predecessorPatienceMilliseconds
  }
}
