/// What of the guarantees the simulator decides, how, and what it leaves to others.
package struct InvariantRow: Sendable {
  package var invariant: Invariant
  package var name: String
  /// In one line, for pages and reports.
  package var statement: String
  package var decision: Decision

  package enum Decision: Sendable {
    /// Judged in every run, in this way.
    case judged(String)
    /// Not judged here, for this reason.
    case elsewhere(String)
  }

  package var isJudged: Bool {
    if case .judged = decision { return true }
    return false
  }
}

/// One row for each invariant of the guarantees.
package enum Invariants {
  package static func row(_ invariant: Invariant) -> InvariantRow { table[invariant.rawValue - 1] }

  private static func judged(_ invariant: Invariant, _ name: String, _ statement: String, by how: String)
    -> InvariantRow
  {
    InvariantRow(invariant: invariant, name: name, statement: statement, decision: .judged(how))
  }

  private static func left(_ invariant: Invariant, _ name: String, _ statement: String, _ why: String) -> InvariantRow {
    InvariantRow(invariant: invariant, name: name, statement: statement, decision: .elsewhere(why))
  }

  package static let table: [InvariantRow] = [
    judged(
      .i1, "ack-durable", "what was shown as saved survives any kill and power cut",
      by: "each saved (journal, sequence, head) is in the store, at each opening and at the end; chains hashed anew"),
    judged(
      .i2, "prefix", "a recovered log has no gap and nothing that nobody did",
      by: "sequences and heads computed from the bodies; answers in it were saved, carried over or under way"),
    judged(
      .i3, "atomic", "answer, entry, head and counters move together",
      by: "the answers table against a fold of the entries by a model of its own"),
    judged(
      .i4, "no-resurrect", "no older answer is shown as the current one, or counts",
      by: "each look of a candidate against the newest save, and those that a death interrupted; of two answers on the "
        + "server the one that the device gave later"),
    judged(
      .i5, "once", "each entry is applied once, with one verdict",
      by: "sequences of all segments; verdicts and acknowledgements of the history by (journal, sequence)"),
    judged(
      .i6, "no-gap apply", "a server's log has no gap",
      by: "segments in the order of arrival, with heads computed from their bytes"),
    judged(
      .i7, "key-body bind", "one sequence means one body",
      by: "phone's and server's chains side by side; where they part, the phone left and carries its version"),
    judged(
      .i8, "server-ack-durable", "what the server acknowledged is never gone",
      by: "each acknowledgement against the server's log; after a restore, against server and phones together"),
    judged(
      .i9, "converge", "at rest both sides hold the same",
      by: "scopes record by record, journals by head, answers item by item; only of runs that came to rest"),
    judged(
      .i10, "delta-algebra", "versions grow, and deltas add up to the snapshot",
      by: "versions, first versions of epochs, and digests summed anew; cursors of the history"),
    left(
      .i11, "no-skipped-version", "no reader passes over a version that commits late",
      "needs several writers, which the embedded store does not have; for PostgreSQL"),
    judged(
      .i12, "sealed", "nothing that a seal does not cover takes effect after it",
      by: "entries in the order of arrival; the stored seal against its entry, its chain and its device's signature"),
    judged(
      .i13, "receipt", "a receipt is what was sealed and what was applied",
      by: "signature, inclusion proof, root log; digests of sheets folded anew; copies compared byte for byte"),
    judged(
      .i14, "no silent loss", "“handed in” is shown only over every saved answer",
      by: "the sheet before each seal against every answer that was shown as saved, its list against the journals; for "
        + "each entry that was kept without effect its cause in the log"),
    judged(
      .i15, "on-time", "no class of time contradicts the truth",
      by: "the true instant of each save against in time and late; not where the server's own clock was wrong"),
    judged(
      .i16, "clock-proof", "the time left grows by grants alone",
      by: "the series of figures shown, across boots, and against the true time left"),
    judged(
      .i17, "lock-monotone", "locks and voids only grow, an unlock works once",
      by: "unions over the entries of each node; applied unlocks counted by number, and named by their records"),
    judged(
      .i18, "embargo", "before the release nobody can read the paper",
      by: "key releases and readable papers against T0; canaries in what reached phones, where a run looks for them"),
    judged(
      .i19, "paper-auth", "a changed paper or a wrong key gives nothing",
      by: "each paper that could be read against what was published; bits of downloads flip on their way"),
    judged(
      .i20, "isolation", "nothing of a candidate reaches another",
      by: "scopes and journals of each phone, collections of shared scopes; canaries, where a run looks for them"),
    judged(
      .i21, "session-bound", "nobody else's requests have an effect",
      by: "the device of each journal is its candidate's; that replays change nothing shows in I5 and I7"),
    judged(
      .i22, "fencing", "one device writes an attempt at a time",
      by: "lease, device and successor of each applied entry in the order of arrival"),
    judged(
      .i23, "bounded", "queues and retries stay under their bounds", by: "the greatest values of the run's gauges"),
    judged(
      .i24, "live", "once faults end, everything arrives",
      by: "virtual time until nothing is pending, against a bound computed from back-off, waits and bandwidth"),
    judged(
      .i25, "recovery-idempotent", "recovering again gives the same",
      by: "two openings with nothing saved between them differ by opening entries alone"),
    left(
      .i26, "mixed versions", "old and new builds keep all of this",
      "power cuts strike updates of an earlier version's file; two protocols would be needed, and there is one"),
    judged(
      .i27, "fail-stop", "after its disk failed a phone shows nothing as saved",
      by: "saves between a storage failure and the next opening are counted; the warning is looked for"),
    judged(
      .i28, "audit", "the audit trail is whole",
      by: "the chain hashed anew; a record is looked for of every refusal and of what left a trace in the rows"),
  ]
}
