/// Everything that a room's report is made of.
struct RoomResults {
  var options: RoomOptions
  var exam: PreparedExam
  var verdict: Judge.Verdict
  var phones: [(phone: Phone, tally: PhoneTally)]
  var verifiedReceipts: Int
  var intentions: [Intention]
  var events: [PhoneEvent]
  var network: [ProxyEvent]
  var counters: LinkCounters
  var paperTitle: String

  var failures: [String] { phones.compactMap(\.tally.failure) }

  var isClean: Bool {
    verdict.isClean && failures.isEmpty && verifiedReceipts == phones.count
  }

  /// Seconds from the bell to the last receipt; `nil` if one is missing.
  var secondsToLastReceipt: Double? {
    let instants = phones.compactMap(\.tally.receiptAt)
    guard instants.count == phones.count, let last = instants.max() else { return nil }
    return Double(max(0, last - exam.bellAt)) / 1000
  }

  var summary: RoomSummary {
    RoomSummary(
      candidates: phones.count, seed: options.seed, paper: paperTitle, examSeconds: options.examSeconds,
      answers: verdict.answers, saves: phones.reduce(0) { $0 + $1.tally.saved },
      clientKills: phones.reduce(0) { $0 + $1.tally.kills }, serverKills: events.count { $0.kind == .serverKill },
      locks: phones.reduce(0) { $0 + $1.tally.locks }, networkCuts: counters.cuts,
      repliesLost: counters.repliesLost, duplicates: counters.duplicates, truncations: counters.truncations,
      lost: verdict.lost, wrong: verdict.wrong, doubled: verdict.doubled, missing: verdict.missing,
      failures: failures, receipts: verifiedReceipts, secondsFromBellToLastReceipt: secondsToLastReceipt,
      slowestOpenMilliseconds: phones.map(\.tally.slowestOpenMilliseconds).max() ?? 0, passed: isClean)
  }
}

/// `summary.json`.
struct RoomSummary: Codable, Sendable {
  var candidates: Int
  var seed: UInt64
  var paper: String
  var examSeconds: Int
  /// Answers that the server holds at the end.
  var answers: Int
  /// Saves that phones confirmed, changes of answers among them.
  var saves: Int
  var clientKills: Int
  var serverKills: Int
  var locks: Int
  var networkCuts: Int
  var repliesLost: Int
  var duplicates: Int
  var truncations: Int
  var lost: [String]
  var wrong: [String]
  var doubled: [String]
  var missing: [String]
  var failures: [String]
  /// Verified by a process that has nothing but the receipt and the server's key.
  var receipts: Int
  var secondsFromBellToLastReceipt: Double?
  var slowestOpenMilliseconds: Double
  var passed: Bool
}
