package import ExamModel

#if PlantedBugs
  import Planted
#endif

/// When time is up, as far as this device can tell. Time left never grows except by a grant (I16).
///
/// Two ways to know: from bounds on server time in this boot, and, after a reboot without contact, from the time left
/// that was persisted last, less what the wall clock says has passed. The second is doubtful: it is shown, and it
/// neither refuses nor hands in anything, because a wrong wall clock must not end an exam.
package struct Bell: Hashable, Sendable {
  /// Boot milliseconds at which time is up; only ever moved back by grants.
  private var certain: Int64?
  private var doubtful: Int64?
  /// The time left that was persisted may not be exceeded, whatever the clocks say now.
  private var ceiling: Int64?
  /// All that was granted as far as this bell knows, in milliseconds.
  package private(set) var grantedMilliseconds: Int64
  /// The grants that the time left on the disk holds, as the note beside it says.
  private var noticedMilliseconds: Int64 = 0
  /// Nothing that is persisted lets time end later than this, in boot milliseconds.
  private var persistedEnd: Int64?

  /// Smaller corrections wait for the next persisting; what has to be persisted at once are grants that a server's
  /// restored store has lost.
  private static let leapMilliseconds: Int64 = 1_000

  package init(grantedMilliseconds: Int64 = 0) {
    self.grantedMilliseconds = grantedMilliseconds
  }

  /// Goes on from what was persisted before this opening of the store, with the note of the grants that it holds.
  package init(_ persisted: PersistedTime?, grantedMilliseconds: Int64, at reading: ClockReading) {
    self.init(grantedMilliseconds: grantedMilliseconds)
    noticedMilliseconds = grantedMilliseconds
    guard let persisted else { return }
    let now = Int64(clamping: reading.bootMilliseconds)
    if persisted.reading.bootID == reading.bootID {
      ceiling = Int64(clamping: persisted.reading.bootMilliseconds) + persisted.remainingMilliseconds
      doubtful = ceiling
    } else {
      ceiling = now + persisted.remainingMilliseconds
      let passed = max(0, reading.wallMilliseconds - persisted.reading.wallMilliseconds)
      doubtful = now + max(0, persisted.remainingMilliseconds - passed)
    }
    persistedEnd = ceiling
  }

  /// The time left that was persisted with an entry, and when.
  package struct PersistedTime: Hashable, Sendable {
    package var reading: ClockReading
    package var remainingMilliseconds: Int64

    package init(reading: ClockReading, remainingMilliseconds: Int64) {
      self.reading = reading
      self.remainingMilliseconds = remainingMilliseconds
    }
  }

  /// More time was granted: only that moves the bell back.
  package mutating func grant(total milliseconds: Int64) {
    var more = max(0, milliseconds - grantedMilliseconds)
    #if PlantedBugs
      if planted(.grantCountedAgain) { more = milliseconds }
    #endif
    grantedMilliseconds = max(grantedMilliseconds, milliseconds)
    certain = certain.map { $0 + more }
    doubtful = doubtful.map { $0 + more }
    ceiling = ceiling.map { $0 + more }
    persistedEnd = persistedEnd.map { $0 + more }
  }

  /// Takes the deadline, in server milliseconds, and what is known of server time at the reading.
  package mutating func update(deadline: Int64, server: TimeBounds?, at reading: ClockReading) {
    guard let server else { return }
    let candidate = Int64(clamping: reading.bootMilliseconds) + (deadline - server.midpoint)
    #if PlantedBugs
      if planted(.wallClockDeadline) {
        certain = Int64(clamping: reading.bootMilliseconds) + (deadline - reading.wallMilliseconds)
        return
      }
    #endif
    certain = [certain, ceiling, candidate].compactMap(\.self).min()
    if persistedEnd == nil { persistedEnd = certain }
  }

  /// Time ends so much earlier than what was persisted says that it is to be persisted before it is shown: else a
  /// reboot would show more again.
  package var isToBePersisted: Bool {
    guard let certain, let persistedEnd else { return false }
    return certain + Self.leapMilliseconds <= persistedEnd
  }

  /// The time left is persisted as it is now, and the grants are noted with it.
  package mutating func notePersisted() {
    noticedMilliseconds = max(noticedMilliseconds, grantedMilliseconds)
    if let certain { persistedEnd = certain }
  }

  package var isDoubtful: Bool { certain == nil }

  /// `nil` when nothing at all is known.
  package func remainingMilliseconds(at reading: ClockReading) -> Int64? {
    (certain ?? doubtful).map { max(0, $0 - Int64(clamping: reading.bootMilliseconds)) }
  }

  /// Grants are not noted yet: they are, in one transaction with the time left that holds them.
  package var hasGrantsToNote: Bool { grantedMilliseconds > noticedMilliseconds }

  /// The time left that an entry may persist: without the grants that are not noted yet. Those are added when the store
  /// is opened again, so that each counts once, whatever was lost in between. `nil` while it is doubtful.
  package func persistableMilliseconds(at reading: ClockReading) -> Int64? {
    guard !isDoubtful, let remaining = remainingMilliseconds(at: reading) else { return nil }
    return max(0, remaining - max(0, grantedMilliseconds - noticedMilliseconds))
  }

  /// The bell has rung, and without doubt.
  package func hasRung(at reading: ClockReading) -> Bool {
    certain.map { $0 <= Int64(clamping: reading.bootMilliseconds) } ?? false
  }

  /// Boot milliseconds at which to wake.
  package var ringsAtBootMilliseconds: Int64? { certain }
}
