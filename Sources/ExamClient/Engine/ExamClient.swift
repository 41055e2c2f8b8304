import CurlTransport
package import ExamModel
import ExamStore
import Logging
import SyncCore
import SyncProtocol

/// The engine that an exam app embeds: one candidate's device.
///
/// Answering never waits for the network. A save returns when it is on the disk, and sync goes on by itself; so do the
/// bell, the server's unlocks, grants and reopenings, and the way of a seal to its receipt. Everything comes back from
/// the store after a crash.
///
/// ```swift
/// let exam = ExamClient(ExamClientConfiguration(
///   storeFolder: folder, serverURL: card.address, serverKey: card.key, appVersion: "3.4.2"))
/// try await exam.open()
/// try await exam.logIn(user: "zhang", password: password)
/// try await exam.join(code: "042917")
/// let paper = try await exam.start()
/// try await exam.answer("q1", .options(["A"]))
/// let token = try await exam.requestSubmit()
/// try await exam.confirm(token)
/// ```
///
/// It runs on a thread of its own, because its store waits for the disk.
public actor ExamClient {
  public nonisolated let configuration: ExamClientConfiguration
  nonisolated let executor: EngineExecutor
  nonisolated let plane: DevicePlane
  nonisolated let logger: Logger
  nonisolated let isInspecting: Bool

  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  // The parts; all of them are there between open and close.
  var store: ExamStore?
  var transport: CurlTransport?
  var core: SyncCore?
  var downloads = DownloadQueue()

  // What is under way.
  var flights: [RequestID: Flight] = [:]
  var stepQueue: [SyncEvent] = []
  var isStepping = false
  var coreWakeAt: Instant?
  var isNudgeScheduled = false
  var manualRounds: [(round: ManualRound, continuation: CheckedContinuation<Bool, Never>)] = []
  /// A script cut the network off.
  var isNetworkHeld = false

  // What is known.
  var attempt: ID128?
  var serverTime = ServerTime()
  var bell = Bell()
  var sectionClocks: [SectionClock] = []
  /// What the store has of them.
  var persistedSections: String?
  /// What is being typed, in the order in which it was begun.
  var drafts: [TypedDraft] = []
  var openedPaper: OpenedPaper?
  var contact = Contact.unknown
  var contactCount = 0
  var isLoginNeeded = false
  /// Another device holds the lease.
  var isLeaseElsewhere = false
  /// The server follows another history of this attempt.
  var isSuperseded = false
  var clockPersistedAt: UInt64 = 0
  var recordRetry = RecordRetry()
  var contradictionsJournalledFrom: UInt64 = 0
  var isSealing = false

  // Who listens.
  var statusListeners: [Int: AsyncStream<ExamStatus>.Continuation] = [:]
  var eventListeners: [Int: AsyncStream<ExamEvent>.Continuation] = [:]
  var lastListener = 0
  var waiters: [Int: Waiter] = [:]
  var isPublishScheduled = false

  /// - Throws: ``ExamClientError/Code/badArgument`` for an address or a key that cannot be right.
  public init(_ configuration: ExamClientConfiguration) throws(ExamClientError) {
    guard configuration.serverKey.count == 32 else {
      throw ExamClientError(
        .badArgument, "The server's key has 64 hexadecimal digits. Copy it from the server card again.",
        nextActor: .proctor)
    }
    let address = configuration.serverURL
    guard address.hasPrefix("http://") || address.hasPrefix("https://"), !address.contains("?"), !address.contains("#")
    else {
      throw ExamClientError(
        .badArgument, "The server's address begins with https://. Copy it from the server card again.",
        nextActor: .proctor)
    }
    self.configuration = configuration
    isInspecting = false
    executor = EngineExecutor()
    plane = DevicePlane(serverURL: address)
    logger = Logger(label: "exam-client")
  }

  /// An engine that only looks at a store, and never uses the network.
  package init(inspecting storeFolder: String) {
    configuration = ExamClientConfiguration(
      storeFolder: storeFolder, serverURL: "", serverKey: [], automaticallySync: false, appVersion: "")
    isInspecting = true
    executor = EngineExecutor()
    plane = DevicePlane(serverURL: "")
    logger = Logger(label: "exam-client")
  }

  // MARK: - Parts

  func openStore() throws(ExamClientError) -> ExamStore {
    guard let store else { throw .closed }
    if let failure = store.storageFailure {
      // The one way on after a fault is to read and verify the file again (I27).
      do throws(ExamStoreError) { try store.reopen(at: instant()) } catch { throw ExamClientError(error) }
      logFault("the store was opened again after a fault", "\(failure)")
      afterOpening(store)
      scheduleNudge(.storeReopened)
    }
    return store
  }

  func joinedAttempt() throws(ExamClientError) -> ID128 {
    guard let attempt else { throw .notJoined }
    return attempt
  }

  /// Runs work on the store, in the words of the public API.
  func onStore<Value>(
    _ body: (ExamStore) throws(ExamStoreError) -> Value
  ) throws(ExamClientError) -> Value {
    let store = try openStore()
    do throws(ExamStoreError) { return try body(store) } catch { throw ExamClientError(error) }
  }

  // MARK: - Clocks

  func reading() -> ClockReading { configuration.clock.read() }

  func instant() -> DeviceInstant { DeviceInstant(reading()) }
}

extension DeviceInstant {
  init(_ reading: ClockReading) {
    self.init(
      bootID: reading.bootID, bootMilliseconds: reading.bootMilliseconds, wallMilliseconds: reading.wallMilliseconds)
  }
}

extension ClockReading {
  init(_ instant: DeviceInstant) {
    self.init(
      bootID: instant.bootID, bootMilliseconds: instant.bootMilliseconds, wallMilliseconds: instant.wallMilliseconds)
  }
}

/// A request whose response is awaited.
struct Flight {
  var handle: CurlTransport.RequestHandle
  var requestedAt: UInt64
  var readsScopes = false
}

/// A paper that was opened, in this candidate's order.
package struct OpenedPaper {
  package var attempt: ID128
  package var version: UInt32
  package var paper: Paper
  package var order: PresentationOrder
  /// The section of each item that this candidate gets.
  package let sections: [String: String]
  /// Milliseconds, of each section with a time of its own.
  package let timeLimits: [String: Int64]

  package init(attempt: ID128, version: UInt32, paper: Paper, orderSeed: UInt64) {
    self.attempt = attempt
    self.version = version
    self.paper = paper
    order = PresentationOrder(of: paper, orderSeed: orderSeed)
    sections = Dictionary(
      order.sections.flatMap { section in section.items.map { ($0.itemID, section.sectionID) } }
    ) { first, _ in first }
    timeLimits = paper.sections.reduce(into: [:]) { limits, section in
      limits[section.id] = section.timeLimitSeconds.map { Int64($0) * 1_000 }
    }
  }
}
