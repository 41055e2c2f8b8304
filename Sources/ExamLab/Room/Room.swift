import ExamModel
import Foundation
import Glibc
import PaperImport
import Synchronization

/// The main job: a room of phones sits a real exam over bad networks, processes are killed, and an independent judge
/// compares what was meant with what the server holds.
///
/// SIGKILL shows that a process's death loses nothing. It shows nothing about power loss: the operating system still
/// holds what was written.
public final class Room {
  private let options: RoomOptions
  private let imported: ImportedPaper

  public init(_ options: RoomOptions) throws {
    try options.validate()
    self.options = options
    do {
      imported = try PaperImporter.load(options.sample)
    } catch {
      throw RoomError("\(options.sample): \(error)")
    }
  }

  /// Runs the exam, writes the report, prints the table.
  ///
  /// - Returns: whether not a single answer was lost, wrong or doubled, and every receipt verified.
  public func run() throws -> Bool {
    let folder = options.outputFolder
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: "\(folder)/phones", withIntermediateDirectories: true)
    let services = try logs(folder)
    let server = try ServerUnderTest(binary: "\(options.binaries)/exam-server", folder: folder)
    try server.start()
    defer { server.stop() }
    let exam = try prepare(server, folder: folder)

    let planner = RoomPlanner(paper: imported.paper, options: options)
    let plans = (0..<options.candidates).map(planner.plan)
    let proxyEvents = try RoomLog(path: "\(folder)/network.jsonl")
    let proxy = try ProxyEngine(
      upstream: server.address, links: plans.map(\.link), seed: options.seed, eventSink: { proxyEvents.append($0) })
    try proxy.start()
    defer { proxy.stop() }

    let phones = try makePhones(plans, exam: exam, server: server, proxy: proxy, services: services)
    let progress = RoomProgress(phones: phones, exam: exam, isShown: options.showsProgress)
    let threads = phones.map { phone in Worker.start { phone.run() } }
    let director = Worker.start { [options] in
      RoomDirector(options: options, exam: exam, events: services.events).conduct(server)
    }
    progress.showUntilDone(threads)
    director.join()
    proxy.stop()

    let results = try collect(server, folder: folder, exam: exam, phones: phones, proxy: proxy)
    let exitCode = server.stop()
    try RoomReport(results: results, serverExit: exitCode).write(to: folder)
    return results.isClean && exitCode == 0
  }

  private func logs(_ folder: String) throws -> (intentions: RoomLog, events: RoomLog) {
    (try RoomLog(path: "\(folder)/intended.jsonl"), try RoomLog(path: "\(folder)/events.jsonl"))
  }

  // MARK: - Before the exam

  /// The exam is made as an operator makes it: with the commands.
  private func prepare(_ server: ServerUnderTest, folder: String) throws -> PreparedExam {
    let roster = try RosterDraft(options: options, paper: imported.paper).write(to: "\(folder)/roster.csv")
    let opensAt = WallClock.milliseconds + leadMilliseconds
    let closesAt = opensAt + options.examSeconds * 1000
    let created = try server.query([
      "exam", "create", "--title", imported.paper.title, "--opens", "\(opensAt)", "--closes", "\(closesAt)",
      "--information", "phone", "--information", "seat",
    ])
    guard let id = created["exam"] as? String, let code = created["code"] as? String else {
      throw RoomError("exam create told no id and code")
    }
    try server.command(["paper", "publish", id, options.sample])
    let handOut = "\(folder)/hand-out.csv"
    try server.command(["roster", "import", id, roster, "--hand-out", handOut])
    let offset = MonotonicClock.milliseconds - WallClock.milliseconds
    return PreparedExam(
      id: id, code: code, opensAt: opensAt + offset, bellAt: closesAt + offset,
      accounts: try RosterDraft.accounts(handOut: handOut))
  }

  /// From the start of the preparations to the opening: log-in and download over slow links take their time.
  private var leadMilliseconds: Int { 7_000 + options.candidates * 250 }

  private func makePhones(
    _ plans: [CandidatePlan], exam: PreparedExam, server: ServerUnderTest, proxy: ProxyEngine,
    services: (intentions: RoomLog, events: RoomLog)
  ) throws -> [Phone] {
    guard exam.accounts.count >= plans.count else {
      throw RoomError("the hand-out names \(exam.accounts.count) candidates, \(plans.count) are needed")
    }
    let room = RoomServices(
      intentions: services.intentions, events: services.events,
      unlockCode: { attempt, number in
        let reply = try server.query(["unlock", attempt, "\(number)", "--code"])
        guard let code = reply["code"] as? String else { throw RoomError("unlock --code printed no code") }
        return code
      },
      unlock: { attempt, number in try server.command(["unlock", attempt, "\(number)"]) })
    return try plans.map { plan in
      let folder = "\(options.outputFolder)/phones/\(plan.link.name)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let account = exam.accounts[plan.index]
      return Phone(
        plan: plan,
        surroundings: Phone.Surroundings(
          client: "\(options.binaries)/exam-client", folder: folder,
          server: "http://127.0.0.1:\(try proxy.port(of: plan.link.name))", serverKey: server.identityKey,
          user: account.username, password: account.password, code: exam.code, appVersion: "3.4.2",
          opensAt: exam.opensAt, bellAt: exam.bellAt, givesUpAt: exam.bellAt + 60_000),
        room: room)
    }
  }

  // MARK: - After the exam

  private func collect(
    _ server: ServerUnderTest, folder: String, exam: PreparedExam, phones: [Phone], proxy: ProxyEngine
  ) throws -> RoomResults {
    let answers = try ServerExport.answers(server, exam: exam.id, to: "\(folder)/server.jsonl")
    let journals = try ServerExport.journals(server, exam: exam.id)
    let intentions = try JSONLines.read(Intention.self, path: "\(folder)/intended.jsonl")
    var verdict = Judge(intentions: intentions).compare(answers, journals: journals)
    let tallies = phones.map { phone in phone.tally.withLock { $0 } }
    verdict.missing = zip(phones, tallies).flatMap { phone, tally in
      tally.missingAfterRestart.map { "\(phone.name) \($0)" }
    }
    var verified = 0
    for (phone, tally) in zip(phones, tallies) {
      guard let file = tally.receiptFile, let bytes = Data(base64Encoded: file) else { continue }
      let path = "\(folder)/phones/\(phone.name)/receipt.bin"
      try bytes.write(to: URL(fileURLWithPath: path))
      // A fresh process without any store: the check needs the receipt and the key, and no network.
      let command = ["\(options.binaries)/exam-client", "verify", path, "--server-key", server.identityKey]
      if (try? ChildProcess.run(command, errorFile: "\(folder)/verify-errors.log")) != nil { verified += 1 }
    }
    return RoomResults(
      options: options, exam: exam, verdict: verdict, phones: zip(phones, tallies).map { ($0, $1) },
      verifiedReceipts: verified, intentions: intentions,
      events: try JSONLines.read(PhoneEvent.self, path: "\(folder)/events.jsonl"),
      network: try JSONLines.read(ProxyEvent.self, path: "\(folder)/network.jsonl"), counters: proxy.counters().total,
      paperTitle: imported.paper.title)
  }
}

/// An exam that is ready to be sat. Instants are of CLOCK_MONOTONIC.
struct PreparedExam: Sendable {
  struct Account: Sendable {
    var username: String
    var password: String
  }

  var id: String
  var code: String
  var opensAt: Int
  var bellAt: Int
  var accounts: [Account]
}

/// Kills and restarts the server in the middle, and notes when things happen that all phones share.
struct RoomDirector: Sendable {
  let options: RoomOptions
  let exam: PreparedExam
  let events: RoomLog

  func conduct(_ server: ServerUnderTest) {
    note(.opens, at: exam.opensAt)
    note(.bell, at: exam.bellAt)
    guard options.killsServer else { return }
    let middle = (exam.opensAt + exam.bellAt) / 2
    while MonotonicClock.milliseconds < middle { usleep(10_000) }
    server.kill()
    note(.serverKill, at: MonotonicClock.milliseconds)
    do {
      try server.start()
      note(.serverUp, at: MonotonicClock.milliseconds)
    } catch {
      note(.serverKill, at: MonotonicClock.milliseconds, detail: "\(error)")
    }
  }

  private func note(_ kind: PhoneEvent.Kind, at instant: Int, detail: String? = nil) {
    events.append(PhoneEvent(kind: kind, candidate: "server", atMilliseconds: instant, detail: detail))
  }
}

/// A thread that is joined.
final class Worker: Sendable {
  private let done = DispatchSemaphore(value: 0)
  private let isDone = Mutex(false)

  static func start(_ work: @escaping @Sendable () -> Void) -> Worker {
    let worker = Worker()
    let thread = Thread {
      work()
      worker.isDone.withLock { $0 = true }
      worker.done.signal()
    }
    thread.stackSize = 1 << 20
    thread.start()
    return worker
  }

  var isFinished: Bool { isDone.withLock { $0 } }

  func join() {
    done.wait()
    done.signal()
  }
}
