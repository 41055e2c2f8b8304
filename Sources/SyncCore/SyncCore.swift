import ExamModel
import SyncProtocol

/// The client's sync as a state machine: events in, effects out, deadlines as data.
///
/// ```
///   start          session good           push due, or poll due
/// ────────▶ running ─────────────▶ ready ───────────────────────▶ at most one push and one poll under way
///   ▲        │  ▲                   ▲  ▲                              │             │
///   │ resume │  │ made or logged in │  └── answered: acknowledge, ────┘             │
///   │        ▼  │                   │      stage, apply, next_ms                    │
/// paused   session missing          └───── failed: back off, Retry-After ◀──────────┘
///                  │ refused
///                  ▼
///           log-in needed  (answering goes on; tried again every two minutes, because nobody signs a refusal)
/// ```
///
/// Scheduling is level-triggered. No event *triggers* a request: each step looks at what is pending and what is under
/// way, sends what is due, and arms one wake for the earliest instant at which something else will be.
/// ``invariantViolation()`` states it: pending work, running and not paused, means a request under way or a wake armed.
///
/// The session:
///
/// ```
///          wanted, lane due             good                      401
/// missing ─────────────────▶ opening ────────▶ open ──────────────────────────────▶ missing (MAC good)
///    ▲                        │    │  weather    │ └── 401 without MAC: only a hint ──▶ opening, the old one kept
///    └────────────────────────┘    │             ▲
///                                  │ refused     │ logged in
///                                  ▼             │
///                               refused ─────────┘
/// ```
///
/// Journals and scopes have machines of their own; see `JournalTrack`, `ScopeTrack` and `Lane`. The executor is
/// synchronous towards the store: it carries out the effects of one step in order, and steps the core with the results
/// before anything else happens. Effects that it gives no word on are tried again after five seconds.
///
/// Equal seeds and equal events give equal effects.
public struct SyncCore: Hashable, Sendable {
  enum Lifecycle: Hashable, Sendable {
    case stopped
    case running
    case paused
  }

  enum Session: Hashable, Sendable {
    case missing
    case opening(RequestID, since: Instant, wasOpen: Bool)
    case open
    case refused(retryAt: Instant)
    /// Nothing to try with: only a log-in helps.
    case noCertificate
  }

  struct Flight: Hashable, Sendable {
    var plan: RequestPlan
    var sentAt: Instant
    var sessionGeneration: Int

    var pushes: Bool { plan.role != .poll }
    var polls: Bool { plan.role != .push }
  }

  /// A successor whose candidate should see the server's answers.
  struct AwaitedAnswers: Hashable, Sendable {
    var successor: ID128
    var isAcknowledged = false
  }

  public let options: SyncOptions
  var generator: SeededGenerator
  var now: Instant = .zero
  var lifecycle = Lifecycle.stopped
  var session = Session.missing
  var sessionGeneration = 0
  /// A 401 without MAC came: try whether a new session helps.
  var sessionIsDoubtful = false
  /// The server did not know the session: it may have lost more.
  var sessionWasForgotten = false
  var isReachable = true
  var lastNetworkChange: Instant?

  /// Sorted by id.
  var journals: [JournalTrack] = []
  /// In the caller's order.
  var scopes: [ScopeTrack] = []
  var flights: [Flight] = []
  var pushLane = Lane()
  var pollLane = Lane()
  var sessionLane = Lane()
  var armedWake: Instant?
  var lastRequest: UInt64 = 0

  /// How often the size of a push was halved, and the pushes taken since.
  var pushHalvings = 0
  var pushesSinceHalving = 0
  /// A request was refused as a whole: push one journal at a time until one is taken.
  var isIsolating = false
  var presentsReceipts = false
  var sendsManually = false
  var fetchesManually = false
  var staleAnswers = 0
  var successors: [RecentSuccessor] = []
  var awaitedAnswers: [AwaitedAnswers] = []
  /// Noticed, and nothing was answered since.
  var refusal: SyncStatus.Trouble?
  var wasLoginNoticed = false
  var lastContact: Instant?
  var forkCount = 0
  var digestMismatchCount = 0
  var digestRepairCount = 0

  /// How often each rare branch was reached.
  public internal(set) var probes = ProbeCounts<SyncProbe>()
  /// Gathered during one step.
  var effects: [SyncEffect] = []

  /// - Parameter seed: of all jitter. Give each device its own, or a room of phones comes back in step.
  public init(seed: UInt64, options: SyncOptions = SyncOptions()) {
    generator = SeededGenerator(seed: seed)
    self.options = options
  }

  /// Takes one event and does whatever is due.
  ///
  /// - Parameter instant: when it happens. An instant before that of the last step counts as that.
  /// - Returns: what to do next, in this order.
  public mutating func step(_ event: SyncEvent, at instant: Instant) -> [SyncEffect] {
    if instant < now { sometimes(.clockWentBack) }
    now = max(now, instant)
    if let armed = armedWake, armed <= now { armedWake = nil }
    handle(event)
    schedule()
    defer { effects = [] }
    return effects
  }

  private mutating func handle(_ event: SyncEvent) {
    switch event {
    case .start(let start): begin(start)
    case .stop: end()
    case .pause: if lifecycle == .running { lifecycle = .paused }
    case .resume: if lifecycle == .paused { lifecycle = .running }
    case .sendChanges: beginManualSend()
    case .fetchChanges: beginManualFetch()
    case .networkChanged(let isReachable): networkChanged(isReachable: isReachable)
    case .wake: break
    case .journalChanged(let known): journalChanged(known)
    case .scopesChanged(let cursors): scopesChanged(cursors)
    case .loggedIn: loggedIn()
    case .sessionOpened(let id): sessionOpened(id)
    case .responded(let id, let response): responded(id, response)
    case .failed(let id, let failure): failed(id, failure)
    case .acknowledged(let journal, let result): acknowledged(journal, result)
    case .headsCompared(let journal, let lastCommon, let firstDifferent):
      headsCompared(journal, lastCommon: lastCommon, firstDifferent: firstDifferent)
    case .successorOpened(let predecessor, let fork, let successor):
      successorOpened(predecessor, fork: fork, successor: successor)
    case .deltaStored(let scope, let result): deltaStored(scope, result)
    case .storeFailed(let subject): storeFailed(subject)
    }
  }

  /// Marks a rare branch.
  mutating func sometimes(_ probe: SyncProbe) {
    probes.mark(probe)
  }

  mutating func nextRequestID() -> RequestID {
    lastRequest += 1
    return RequestID(number: lastRequest)
  }

  func journalIndex(_ id: ID128) -> Int? { journals.firstIndex { $0.id == id } }
  func scopeIndex(_ id: ID128) -> Int? { scopes.firstIndex { $0.id == id } }

  /// A seal waits, and nothing but the network keeps it: it hurries everything it needs.
  var isSealPending: Bool {
    journals.contains { $0.isPending && $0.known.priority == .seal && $0.phase == .following && $0.heldUntil <= now }
  }

  var backoffCapMilliseconds: Int64 {
    isSealPending ? Limits.sealBackoffCapMilliseconds : Limits.backoffCapMilliseconds
  }
}
