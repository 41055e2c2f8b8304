/// What a candidate remembers: what the phone said is saved, and what it has not answered for yet. Everything is also
/// written to a log before the phone hears of it, for the judge.
struct CandidateMemory {
  let user: String
  let log: RoomLog
  /// By item; an item that was cleared is not in it.
  private(set) var confirmed: [String: String] = [:]
  /// Values that may be there or not: sent and never answered, or answered with a failure of the storage.
  private(set) var uncertain: [String: Set<String>] = [:]
  /// Confirmations.
  private(set) var confirmations = 0
  /// The greatest sequence that the phone confirmed.
  private(set) var sequence = 0
  private var intentions = 0
  private var current: (item: String, value: String)?

  init(user: String, log: RoomLog) {
    self.user = user
    self.log = log
  }

  /// Notes what is meant, before the command is sent.
  mutating func intend(_ item: String, _ value: String) {
    intentions += 1
    current = (item, value)
    note(.intend, item, value)
  }

  /// The phone said that it is saved.
  mutating func confirm(sequence: Int?) {
    guard let (item, value) = current else { return }
    current = nil
    confirmed[item] = value.isEmpty ? nil : value
    uncertain[item] = nil
    confirmations += 1
    self.sequence = max(self.sequence, sequence ?? 0)
    note(.confirm, item, value, sequence: sequence)
  }

  /// The phone said no, or nothing at all. What its storage refused may still be found there: the candidate was told
  /// nothing that it contradicts.
  mutating func doubt(_ reason: String) {
    guard let (item, value) = current else { return }
    current = nil
    uncertain[item, default: []].insert(value)
    note(.refuse, item, value, reason: reason, isRepeated: true)
  }

  /// Compares with a status: gives a line for each answer that is missing or is not what it was. What was uncertain is
  /// certain from here on, as the candidate has seen it.
  mutating func compare(_ sheet: [String: String]) -> (lost: [String], wrong: [String]) {
    var lost: [String] = []
    var wrong: [String] = []
    for item in Set(confirmed.keys).union(sheet.keys).union(uncertain.keys).sorted() {
      let shown = sheet[item] ?? ""
      let meant = confirmed[item] ?? ""
      guard shown != meant, uncertain[item]?.contains(shown) != true else { continue }
      let text = "\(user) \(item): saved “\(meant)”, the phone shows “\(shown)”"
      if shown.isEmpty { lost.append(text) } else { wrong.append(text) }
    }
    if lost.isEmpty, wrong.isEmpty {
      confirmed = sheet.filter { !$0.value.isEmpty }
      uncertain = [:]
    }
    return (lost, wrong)
  }

  private func note(
    _ kind: Intention.Kind, _ item: String, _ value: String, sequence: Int? = nil, reason: String? = nil,
    isRepeated: Bool? = nil
  ) {
    log.append(
      Intention(
        kind: kind, candidate: user, n: intentions, item: item, value: value,
        atMilliseconds: MonotonicClock.milliseconds, sequence: sequence, reason: reason, isRepeated: isRepeated))
  }
}
