import ExamModel
import SyncProtocol
import SyncWire

/// Pushes of nothing but plain entries, judged as a whole.
///
/// **Rule**: whatever is applied here would have been applied one by one, with the same result; whenever that is not
/// certain, nothing is changed and the entries are judged one by one.
extension ServerCore {
  /// Applies all entries of a run if none of them is to be kept without effect.
  ///
  /// - Returns: `false`, and nothing was changed, where the entries have to be judged one by one.
  func applies(_ run: PlainRun, of segment: SegmentRow, to journal: JournalMemory, exam: ExamEntry) -> Bool {
    guard configuration.judgesPlainRuns, run.entries.count == segment.count, let items = exam.plainItems,
      isOpen(journal, to: segment, exam: exam), accept(run, of: journal.attempt, exam: exam, items),
      journal.clock.advance(byBootMilliseconds: run.bootDeltaMilliseconds)
    else { return false }
    takeEffect(run, of: segment, journal, items)
    work.counters.plainPushes += 1
    return true
  }

  /// Nothing about attempt, lease, journal or time keeps an answer of this push from counting.
  private func isOpen(_ journal: JournalMemory, to segment: SegmentRow, exam: ExamEntry) -> Bool {
    let memory = journal.attempt
    guard !memory.row.record.isVoided, segment.lease == memory.row.record.lease,
      memory.row.record.leaseDevice == journal.row.device, journal.row.supersededFrom == nil,
      memory.state.phase == .answering, memory.waiting == nil
    else { return false }
    // What has arrived before the deadline was done before it, whatever the device's clock says.
    let deadline = deadline(of: memory, exam.row.record)
    return TimeRules.classify(earliest: nil, latest: segment.receivedAt, deadline: deadline) == .inTime
  }

  /// Whether each entry names an item of the paper, in a section that is not closed, and an answer that it takes.
  /// Leaves the items' places in ``plainPlaces``.
  private func accept(_ run: PlainRun, of memory: AttemptMemory, exam: ExamEntry, _ items: PlainItems) -> Bool {
    guard items.find(run.entries, places: &plainPlaces) else { return false }
    let closed = memory.state.closedSections
    guard !run.values.isEmpty || !closed.isEmpty else { return true }
    for (entry, place) in zip(run.entries, plainPlaces) {
      var section: String?
      switch entry.action {
      case .choose:
        if !closed.isEmpty { section = items.section(of: entry.option, at: Int(place)) }
      case .write(let value):
        guard exam.accepts(run.values[Int(value)], for: items.id(at: Int(place)), section: &section) else {
          return false
        }
      case .clear, .flag:
        if !closed.isEmpty { section = items.section(at: Int(place)) }
      case .visit: break
      }
      if let section, closed.contains(section) { return false }
    }
    return true
  }

  private func takeEffect(_ run: PlainRun, of segment: SegmentRow, _ journal: JournalMemory, _ items: PlainItems) {
    let memory = journal.attempt
    let first = ShortAnswer(
      option: .empty, lease: segment.lease, ordinal: journal.row.ordinal, sequence: segment.first,
      receivedAt: segment.receivedAt)
    memory.setShortAnswers(run.entries, at: plainPlaces, from: first, of: items)
    guard !run.values.isEmpty else { return }
    for (index, entry) in run.entries.enumerated() {
      guard case .write(let value) = entry.action else { continue }
      memory.setPlainAnswer(
        CurrentAnswer(
          value: run.values[Int(value)], lease: segment.lease, ordinal: journal.row.ordinal,
          sequence: segment.first + UInt64(index), journal: journal.row.id, receivedAt: segment.receivedAt),
        at: Int(plainPlaces[index]), of: items)
    }
  }
}
