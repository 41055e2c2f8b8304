import ExamModel
import ExamStore
import SyncCore

/// How long entries stay on the device, and what happens to those that the server cannot take.
extension ExamClient {
  /// Discards the entries of one attempt that is over: its receipt was verified, the server acknowledged every entry
  /// with this device's head, and the retention is over by the earliest that server time can be. One attempt a step.
  ///
  /// Called when the server has just answered, and nothing is done while anything about it is in doubt: a server that
  /// was restored from a backup has to say first what it still holds, and is refilled.
  func discardWhatIsOver() {
    guard let store, let sync = core?.status(), sync.pendingCount == 0, sync.isUpToDate,
      !sync.isServerInDoubt,
      let server = serverTime.bounds(atBootMilliseconds: reading().bootMilliseconds)
    else { return }
    for attempt in store.joinedAttempts {
      do throws(ExamStoreError) {
        try store.discardEntries(
          of: attempt, serverTime: server.earliest, retentionMilliseconds: configuration.retentionMilliseconds)
      } catch {
        if error.code != .notDiscardable { logFault("entries were not discarded", "\(error)") }
        continue
      }
      logNotice("the entries of an attempt were discarded after its retention", "\(attempt)")
      if attempt == self.attempt { forgetAttempt() }
      // The core must not offer what is not there any more.
      step(.start(store.syncStart(attempt: self.attempt, asksWhatTheServerHas: false, at: reading())))
      return changed()
    }
  }

  private func forgetAttempt() {
    attempt = nil
    bell = Bell()
    sectionClocks = []
    persistedSections = nil
    drafts = []
    openedPaper = nil
  }

  /// What only a journal says in whose place the server has another is said again.
  func sayReplacedAgain() {
    guard let store else { return }
    for journal in store.journalStatuses where journal.isReplaced {
      do throws(ExamStoreError) {
        if let saved = try store.sayAgain(from: journal.id, at: moment()) { scheduleNudge(.journal(saved.journal)) }
      } catch {
        logFault("what the server lost was not said again", "\(error)")
      }
    }
  }
}
