public import ExamModel
import ExamStore

/// What is being typed and not saved yet.
struct TypedDraft: Hashable, Sendable {
  var item: String
  var value: AnswerValue
  var section: String
  /// Boot milliseconds at which it is saved if nothing saves it before.
  var dueAt: Int64
}

extension ExamClient {
  /// An essay is journalled at most this often while it is typed.
  static let draftMilliseconds: Int64 = 5_000

  /// Takes note of what is being typed, without saving it: call it at each change of a text field.
  ///
  /// It lies in memory only. The engine saves it within five seconds, and before anything that ends the answering of
  /// the item: the end of a section's time, the bell, a lock, leaving a section, asking to hand in, closing. Leaving
  /// the field is the app's to tell, with ``answer(_:_:)``.
  ///
  /// - Throws: as ``answer(_:_:)``.
  public func draft(_ item: String, _ value: AnswerValue) throws(ExamClientError) {
    let (place, canonical) = try answerable(item, value)
    let status = try onStore { (store) throws(ExamStoreError) in try store.status(of: place.attempt) }
    try requireAnswering(status.phase)
    guard !status.closedSections.contains(place.section) else { throw ExamClientError(ExamStoreError.sectionClosed) }
    if let index = drafts.firstIndex(where: { $0.item == item }) {
      drafts[index].value = canonical
    } else {
      let dueAt = Int64(clamping: reading().bootMilliseconds) + Self.draftMilliseconds
      drafts.append(TypedDraft(item: item, value: canonical, section: place.section, dueAt: dueAt))
      armWake()
    }
  }

  /// Saves what is being typed; what cannot be saved now stays and is tried again.
  ///
  /// - Parameter isDue: only what was typed long enough ago.
  func saveDrafts(due isDue: Bool = false) {
    let now = Int64(clamping: reading().bootMilliseconds)
    for draft in drafts where !isDue || draft.dueAt <= now {
      guard let store, let attempt else { return }
      let moment = moment()
      do throws(ExamStoreError) {
        let saved = try store.save(draft.value, for: draft.item, section: draft.section, in: attempt, at: moment)
        drafts.removeAll { $0.item == draft.item }
        enter(draft.section, at: moment)
        scheduleNudge(.journal(saved.journal))
      } catch {
        logFault("what is being typed was not saved", "\(error.code)")
        switch error.code {
        // Nothing will be answered here any more.
        case .sealed, .timeUp, .sectionClosed: drafts.removeAll { $0.item == draft.item }
        default: postponeDraft(of: draft.item, to: now + Self.draftMilliseconds)
        }
      }
    }
  }

  private func postponeDraft(of item: String, to dueAt: Int64) {
    guard let index = drafts.firstIndex(where: { $0.item == item }) else { return }
    drafts[index].dueAt = dueAt
  }
}
