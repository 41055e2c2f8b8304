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
      memory.row.record.leaseDevice == journal.row.device, !journal.row.isSuperseded,
      memory.state.phase == .answering
    else { return false }
    // What has arrived before the deadline was done before it, whatever the device's clock says.
    let deadline = memory.deadline(exam.row.record)
    return TimeRules.classify(earliest: nil, latest: segment.receivedAt, deadline: deadline) == .inTime
  }

  /// Whether each entry names an item of the paper, in a section that is not closed, and an answer that it takes.
  private func accept(_ run: PlainRun, of memory: AttemptMemory, exam: ExamEntry, _ items: PlainItems) -> Bool {
    let closed = memory.state.closedSections
    for entry in run.entries {
      if case .visit = entry.action { continue }
      guard let index = items.index(of: entry.item) else { return false }
      var section: String?
      switch entry.action {
      case .choose:
        guard items.takes(entry.option, at: index) else { return false }
        if !closed.isEmpty { section = items.section(of: entry.option, at: index) }
      case .write(let place):
        guard exam.accepts(run.values[Int(place)], for: items.id(at: index), section: &section) else { return false }
      case .clear, .flag:
        if !closed.isEmpty { section = items.section(at: index) }
      case .visit: break
      }
      if let section, closed.contains(section) { return false }
    }
    return true
  }

  private func takeEffect(_ run: PlainRun, of segment: SegmentRow, _ journal: JournalMemory, _ items: PlainItems) {
    let memory = journal.attempt
    memory.prepareShortAnswers(for: items)
    var answer = ShortAnswer(
      option: .empty, lease: segment.lease, ordinal: journal.row.ordinal, sequence: segment.first)
    for entry in run.entries {
      switch entry.action {
      case .choose, .clear:
        answer.option = entry.option
        if let index = items.index(of: entry.item) { memory.setShortAnswer(answer, at: index) }
      case .write(let place):
        guard let index = items.index(of: entry.item) else { break }
        memory.setAnswer(
          items.id(at: index),
          CurrentAnswer(
            value: run.values[Int(place)], lease: segment.lease, ordinal: journal.row.ordinal,
            sequence: answer.sequence, journal: journal.row.id))
      case .flag, .visit: break
      }
      answer.sequence += 1
    }
  }
}
