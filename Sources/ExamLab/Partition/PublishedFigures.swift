/// What a public suite of the same shape published about another system, beside which ours are set.
///
/// nurturenature/jepsen-powersync tests PowerSync with Jepsen and with a fuzzer in Dart; PowerSync sponsored it. These
/// are its figures as its README of 8 May 2026 gives them (commit b77a3d0). They are about another system, another
/// data model (several writers of the same keys), longer runs of 100 to 300 s and more, and 5 to 10 clients; the two
/// columns show the same faults, not the same test.
enum PublishedFigures {
  static let source = "https://github.com/nurturenature/jepsen-powersync, README at commit b77a3d0 (8 May 2026)"

  static let caveat =
    "Theirs is another system in which several clients write the same keys, with 5 or 10 clients and runs of 100 "
    + "to 300 s in the fuzzer; its authors report no observable loss of data and steady improvement. Ours has one "
    + "writer for each attempt, and most runs are short. The faults are the same, the test is not."

  /// What it says of runs with this fault.
  static func statement(_ fault: PartitionFault) -> String {
    switch fault {
    case .disconnect:
      "an upload queue appears stuck at the end in a small fraction of a percent of tests, with incomplete replication "
        + "and divergent final reads; nothing dropped"
    case .outbound, .inbound, .both:
      "errors in about 30–40 % of tests (kinds of partition drawn at random): most commonly a client stops uploading, "
        + "less often final reads diverge after the heal"
    case .cut: "no figure of its own"
    case .pause: "100 % successful"
    case .kill: "in about 0.5 % of tests a client keeps downloading and never completes"
    }
  }
}
