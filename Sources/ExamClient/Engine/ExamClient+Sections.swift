import ExamModel
import ExamStore
import SyncProtocol

/// The time of single sections: it begins with the first entry for one of a section's items, runs in suspend and while
/// the app is dead, and at its end the section is left for good.
extension ExamClient {
  /// Leaves every section whose time is over, with what was being typed in it. While a lock holds the attempt nothing
  /// can be answered anyway, so that waits for the unlock.
  func leaveSectionsThatEnded() {
    let now = reading()
    let over = sectionClocks.filter { $0.isOver(at: now) }
    guard !over.isEmpty, let store, let attempt, (try? store.phase(of: attempt)) == .answering else { return }
    for clock in over {
      let typed = drafts.filter { $0.section == clock.section }
      do throws(ExamStoreError) {
        let saved = try store.leave(
          section: clock.section, saving: typed.map { ($0.item, $0.value) }, in: attempt, at: moment())
        drafts.removeAll { $0.section == clock.section }
        sectionClocks.removeAll { $0.section == clock.section }
        emit(.sectionEnded(section: clock.section))
        scheduleNudge(.journal(saved.journal))
      } catch {
        logFault("a section could not be left at the end of its time; it is tried again", "\(error)")
      }
    }
    persistSections()
  }

  /// Refuses what the store would take because the end of a section's time could not be journalled. While locked the
  /// store refuses everything, and says so.
  func requireTime(in section: String) throws(ExamClientError) {
    guard let clock = sectionClocks.first(where: { $0.section == section }), clock.isOver(at: reading()),
      let attempt, (try? store?.phase(of: attempt)) == .answering
    else { return }
    throw ExamClientError(ExamStoreError.sectionClosed)
  }

  /// After a save: the first one for an item of a section with a time of its own starts that time.
  func enter(_ section: String, at moment: SaveMoment) {
    guard let limit = openedPaper?.timeLimits[section], !sectionClocks.contains(where: { $0.section == section }),
      let store, let attempt, let status = try? store.status(of: attempt), !status.closedSections.contains(section)
    else { return }
    sectionClocks.append(
      SectionClock(
        section: section, enteredAtBootMilliseconds: moment.instant.bootMilliseconds, limitMilliseconds: limit,
        grantedMilliseconds: grantedMilliseconds(store, attempt)))
    updateSections()
    persistSections()
    changed()
    armWake()
  }

  /// Goes on with the clocks that an earlier process persisted. Those of sections that were left are forgotten.
  func recallSections(_ store: ExamStore, _ attempt: ID128) {
    sectionClocks = []
    drafts = []
    persistedSections = (try? store.setting(SettingName.sections(attempt))).map { String(decoding: $0, as: UTF8.self) }
    guard let text = persistedSections, let closed = try? store.status(of: attempt).closedSections else { return }
    let now = reading()
    let lines = text.split(separator: "\n").compactMap { SectionClock.Persisted(line: $0) }
    sectionClocks = lines.filter { !closed.contains($0.section) }.map { SectionClock($0, at: now) }
    updateSections()
    persistSections()
  }

  /// A process may die between a section's first entry and the persisting of its clock: the entry tells.
  func findEnteredSections(_ paper: OpenedPaper) {
    guard !paper.timeLimits.isEmpty, let store, let status = try? store.status(of: paper.attempt) else { return }
    let now = reading()
    let granted = grantedMilliseconds(store, paper.attempt)
    for section in paper.paper.sections {
      guard let limit = paper.timeLimits[section.id], !status.closedSections.contains(section.id),
        !sectionClocks.contains(where: { $0.section == section.id })
      else { continue }
      // Of two boots the wall clock tells which came first.
      let met = section.items.compactMap { status.firstMet[$0.id] }.min { left, right in
        left.bootID == right.bootID
          ? left.bootMilliseconds < right.bootMilliseconds : left.wallMilliseconds < right.wallMilliseconds
      }
      guard let met else { continue }
      sectionClocks.append(
        SectionClock(
          SectionClock.Persisted(
            section: section.id, reading: ClockReading(met), certainMilliseconds: limit, likelyMilliseconds: limit,
            grantedMilliseconds: granted), at: now))
    }
    updateSections()
    persistSections()
  }

  /// Takes what is known of server time and of grants now.
  func updateSections() {
    guard !sectionClocks.isEmpty, let store, let attempt else { return }
    let now = reading()
    let server = serverTime.bounds(atBootMilliseconds: now.bootMilliseconds)
    let granted = grantedMilliseconds(store, attempt)
    for index in sectionClocks.indices {
      sectionClocks[index].grant(total: granted)
      sectionClocks[index].update(server: server, at: now)
    }
  }

  /// Persists the clocks, so that a reboot cannot raise the time left.
  func persistSections() {
    guard let store, let attempt, !sectionClocks.isEmpty || persistedSections?.isEmpty == false else { return }
    let now = reading()
    let text = sectionClocks.map { $0.persisted(at: now).line }.joined(separator: "\n")
    guard text != persistedSections else { return }
    do throws(ExamStoreError) {
      try store.setSetting(SettingName.sections(attempt), to: Array(text.utf8))
      persistedSections = text
    } catch {
      logFault("the time of a section was not persisted", "\(error)")
    }
  }

  private func grantedMilliseconds(_ store: ExamStore, _ attempt: ID128) -> Int64 {
    (try? store.terms(attempt).grantedMilliseconds) ?? 0
  }

  /// Sections that are running or were left, by their ids.
  func sectionStates(_ closed: Set<String>) -> [SectionState] {
    let now = reading()
    let running = sectionClocks.filter { !closed.contains($0.section) }.map { clock in
      SectionState(
        section: clock.section, isLeft: false,
        time: TimeLeft(milliseconds: clock.remainingMilliseconds(at: now), isDoubtful: clock.isDoubtful))
    }
    return (running + closed.map { SectionState(section: $0, isLeft: true, time: nil) })
      .sorted { $0.section.utf8.lexicographicallyPrecedes($1.section.utf8) }
  }
}

extension SettingName {
  /// The clocks of the sections that an attempt has entered, a line each.
  static func sections(_ attempt: ID128) -> String { "engine.sections.\(attempt.hex)" }
}
