import ExamModel
import SyncProtocol
import SyncWire

/// A successor of which the server lacks the predecessor: it was restored from a backup, and the device does not know.
///
/// What ranks two answers under one lease is the order in which their journals were opened here. Taken at once, the
/// successor would be the older one, and answers that it had replaced would come back with the predecessor. Told that
/// there is a gap, the device offers it again; meanwhile it reads of the new epoch, asks what the server has, and
/// pushes what it left first.
extension ServerCore {
  /// So long a device is waited for that never reads of the epoch, from the first offer on.
  static let predecessorPatienceMilliseconds: Int64 = 300_000
  static let sessionsRemembered = 200_000
  static let waitingRemembered = 10_000

  /// Whether a session's device knows of this opening of the store: it names a cursor of its epoch, or has done so.
  func knowsEpoch(_ call: DeviceCall) -> Bool {
    guard call.request.scopes.contains(where: { $0.cursor.epoch == epoch }) else {
      return sessionsOfEpoch.contains(call.session)
    }
    if sessionsOfEpoch.count >= Self.sessionsRemembered { sessionsOfEpoch.removeAll() }
    sessionsOfEpoch.insert(call.session)
    return true
  }

  /// Whether the journal that this push begins goes on from one that is not here, and has to wait for it.
  func lacksPredecessor(of push: PackedPush, in attempt: AttemptMemory) -> Bool {
    guard let entry = try? Entry(wire: push.bodies.body(0)), case .open(let opening) = entry.kind,
      let predecessor = opening.predecessor?.journal, !attempt.journals.contains(where: { $0.row.id == predecessor })
    else {
      waitingForPredecessor[push.journal] = nil
      return false
    }
    if waitingForPredecessor.count >= Self.waitingRemembered { waitingForPredecessor.removeAll() }
    let since = waitingForPredecessor[push.journal] ?? time
    waitingForPredecessor[push.journal] = since
    return time - since < Self.predecessorPatienceMilliseconds
  }
}
