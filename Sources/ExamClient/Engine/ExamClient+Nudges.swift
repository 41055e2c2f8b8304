import ExamModel
import ExamStore
import SyncCore

extension ExamClient {
  /// Why sync should look again. A save is answered first; this follows on the engine's thread.
  enum Nudge: Hashable, Sendable {
    case beginSync
    case storeReopened
    case journal(ID128)
  }

  func scheduleNudge(_ nudge: Nudge) {
    if case .journal = nudge {
      changed()
      guard !isNudgeScheduled else { return }
      isNudgeScheduled = true
    }
    Task {
      switch nudge {
      case .beginSync: beginSync()
      case .storeReopened: beginSyncAnew()
      case .journal: nudgeJournals()
      }
    }
  }

  private func nudgeJournals() {
    isNudgeScheduled = false
    guard let store, core != nil else { return }
    for journal in store.journalStatuses where journal.isLive { step(.journalChanged(store.knownJournal(journal))) }
    armWake()
  }
}
