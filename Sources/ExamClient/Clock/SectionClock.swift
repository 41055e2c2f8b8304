import ExamModel

/// When the time of one section is over, as far as this device can tell. It begins with the first entry for one of the
/// section's items and never grows except by a grant (I16).
///
/// Within the boot in which the section was entered the boot clock says it for sure, contact or not. After a reboot two
/// ends are known: the *certain* one, as if no time had passed between the last persisting and the opening, and the
/// *likely* one, which believes the wall clock about that. The likely one is shown; only the certain one closes the
/// section, because a wrong wall clock must not take time away. Contact settles both, where the server's time was known
/// before the reboot.
struct SectionClock: Hashable, Sendable {
  let section: String
  /// Boot milliseconds of this boot.
  private(set) var certainEnd: Int64
  private var likelyEnd: Int64
  private(set) var isDoubtful = false
  /// Server milliseconds at which the time is over.
  private var serverEnd: Int64?
  /// All grants of the attempt that this clock knows of, those before the section was entered included.
  private(set) var grantedMilliseconds: Int64

  /// The section was entered in this boot.
  init(
    section: String, enteredAtBootMilliseconds entered: UInt64, limitMilliseconds: Int64, grantedMilliseconds: Int64
  ) {
    self.section = section
    certainEnd = Int64(clamping: entered) + limitMilliseconds
    likelyEnd = certainEnd
    self.grantedMilliseconds = grantedMilliseconds
  }

  /// Goes on from what was persisted last, in this boot or in an earlier one.
  init(_ persisted: Persisted, at reading: ClockReading) {
    section = persisted.section
    serverEnd = persisted.serverEnd
    grantedMilliseconds = persisted.grantedMilliseconds
    if persisted.reading.bootID == reading.bootID {
      let then = Int64(clamping: persisted.reading.bootMilliseconds)
      certainEnd = then + persisted.certainMilliseconds
      likelyEnd = then + persisted.likelyMilliseconds
      isDoubtful = persisted.isDoubtful
    } else {
      let now = Int64(clamping: reading.bootMilliseconds)
      let passed = max(0, reading.wallMilliseconds - persisted.reading.wallMilliseconds)
      certainEnd = now + persisted.certainMilliseconds
      likelyEnd = now + max(0, persisted.likelyMilliseconds - passed)
      isDoubtful = true
    }
  }

  /// More time was granted while the section runs: only that moves its end back.
  mutating func grant(total milliseconds: Int64) {
    let more = max(0, milliseconds - grantedMilliseconds)
    grantedMilliseconds += more
    certainEnd += more
    likelyEnd += more
    serverEnd = serverEnd.map { $0 + more }
  }

  /// Takes what is known of server time now: it makes the end known beyond this boot, or settles a doubtful one.
  mutating func update(server: TimeBounds?, at reading: ClockReading) {
    guard let server else { return }
    let now = Int64(clamping: reading.bootMilliseconds)
    guard isDoubtful else {
      if serverEnd == nil { serverEnd = server.midpoint + (certainEnd - now) }
      return
    }
    guard let serverEnd else { return }
    certainEnd = min(certainEnd, now + (serverEnd - server.midpoint))
    likelyEnd = certainEnd
    isDoubtful = false
  }

  func remainingMilliseconds(at reading: ClockReading) -> Int64 {
    max(0, (isDoubtful ? likelyEnd : certainEnd) - Int64(clamping: reading.bootMilliseconds))
  }

  /// The time is over, and without doubt.
  func isOver(at reading: ClockReading) -> Bool {
    certainEnd <= Int64(clamping: reading.bootMilliseconds)
  }
}

extension SectionClock {
  /// What outlives the process: the time left at one reading of the clocks.
  struct Persisted: Hashable, Sendable {
    var section: String
    var reading: ClockReading
    var certainMilliseconds: Int64
    var likelyMilliseconds: Int64
    var isDoubtful = false
    var grantedMilliseconds: Int64
    var serverEnd: Int64?
  }

  func persisted(at reading: ClockReading) -> Persisted {
    let now = Int64(clamping: reading.bootMilliseconds)
    return Persisted(
      section: section, reading: reading, certainMilliseconds: certainEnd - now, likelyMilliseconds: likelyEnd - now,
      isDoubtful: isDoubtful, grantedMilliseconds: grantedMilliseconds, serverEnd: serverEnd)
  }
}

extension SectionClock.Persisted {
  /// One line; ids of sections hold no spaces.
  var line: String {
    let numbers = [certainMilliseconds, likelyMilliseconds, isDoubtful ? 1 : 0, grantedMilliseconds, serverEnd ?? -1]
    let clock = "\(reading.bootID.hex) \(reading.bootMilliseconds) \(reading.wallMilliseconds)"
    return "\(section) \(clock) \(numbers.map(String.init).joined(separator: " "))"
  }

  /// Reads ``line``; `nil` for anything else.
  init?(line: some StringProtocol) {
    let words = String(line).split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    guard words.count == 9, let bootID = ID128(hex: words[1]), let boot = UInt64(words[2]),
      let wall = Int64(words[3])
    else { return nil }
    let numbers = words[4...].compactMap { Int64($0) }
    guard numbers.count == 5 else { return nil }
    self.init(
      section: words[0], reading: ClockReading(bootID: bootID, bootMilliseconds: boot, wallMilliseconds: wall),
      certainMilliseconds: numbers[0], likelyMilliseconds: numbers[1], isDoubtful: numbers[2] == 1,
      grantedMilliseconds: numbers[3], serverEnd: numbers[4] < 0 ? nil : numbers[4])
  }
}
