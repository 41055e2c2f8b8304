/// One run on one page: the picture, what was violated, and the story.
struct TimelinePage {
  let plan: SimPlan
  let history: [HistoryEvent]
  let violations: [Violation]
  /// What replays it.
  let command: String
  var showsAll = false

  /// Lines of the story that a page holds: more than a browser likes is more than a person reads.
  static let storyLimit = 4_000

  var html: String {
    let timeline = Timeline(history: history, violations: violations)
    let story = Story(history: history, violations: violations, showsAll: showsAll).lines
    let shown = story.prefix(Self.storyLimit).map(RoomPage.escape).joined(separator: "\n")
    let rest = story.count > Self.storyLimit ? "\n… \(story.count - Self.storyLimit) more lines" : ""
    let names = Set(violations.map(\.invariant)).sorted().map(\.description).joined(separator: ", ")
    let heading =
      violations.isEmpty
      ? "Seed \(plan.seed): nothing violated"
      : "Seed \(plan.seed): \(names) violated"
    return PageStyle.page(
      title: "ExamSync: seed \(plan.seed)", heading: heading,
      body: """
        <p>\(plan.decisions.count) choices · \(history.count) events · <code>\(RoomPage.escape(command))</code></p>
        \(violations.prefix(20).map(failure).joined())
        <p class="legend"><span class="swatch" style="background:var(--up)"></span>network
        <span class="swatch" style="background:var(--down)"></span>none
        <span class="swatch" style="background:var(--lock)"></span>locked
        <span class="swatch" style="background:var(--soft);opacity:.35"></span>not running
        <b style="color:var(--bar)">|</b> saved <b class="good">|</b> acknowledged <b class="dead">✕</b> killed
        <b class="dead">↯</b> power cut <b class="disk">▲</b> disk <b class="disk">■</b> successor, clock
        <b class="seal">◆</b> sealed <b class="receipt">●</b> receipt</p>
        <div class="scroll">\(timeline.svg)</div>
        <h2>What happened</h2>
        <pre>\(shown)\(rest)</pre>
        """)
  }

  private func failure(_ violation: Violation) -> String {
    let row = Invariants.row(violation.invariant)
    return """
      <div class="failure"><b class="bad">\(violation.invariant) \(row.name)</b>
      <span class="soft">\(RoomPage.escape(row.statement))</span><br>
      \(ShortNames.time(violation.trueMilliseconds)) \(violation.node.name): \(RoomPage.escape(violation.what))<br>
      <span class="soft">expected</span> \(RoomPage.escape(violation.expected))
      <span class="soft">found</span> \(RoomPage.escape(violation.found))</div>
      """
  }
}
