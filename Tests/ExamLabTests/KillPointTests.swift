import Testing

@testable import ExamLab

/// The counter decides where a run is killed and what it is told to have met, so it reads recorded logs here.
@Suite struct KillPointTests {
  /// What strace wrote: thread 12 stores, thread 13 sends and writes replies.
  private static let log = """
    11 write(4<anon_inode:[eventfd]>, "\\1\\0\\0\\0\\0\\0\\0\\0", 8) = 8
    12 openat(AT_FDCWD</tmp/run>, "/lib/libz.so.1", O_RDONLY|O_CLOEXEC) = 3</lib/libz.so.1>
    12 openat(AT_FDCWD</tmp/run>, "/tmp/run/phone-1/exam.db", O_RDWR) = 7</tmp/run/phone-1/exam.db>
    12 pwrite64(9</tmp/run/phone-1/exam.db-wal>, "\\0\\0"..., 24, 0) = 24
    13 write(1<pipe:[17]>, "{\\"ok\\":true,\\"reply\\""..., 74) = 74
    12 pwrite64(9</tmp/run/phone-1/exam.db-wal>, "\\0\\0"..., 24, 24) = 24
    12 fdatasync(9</tmp/run/phone-1/exam.db-wal> <unfinished ...>
    14 connect(19<socket:[99]>, {sa_family=AF_INET}, 16) = -1 EINPROGRESS (Operation now in progress)
    12 <... fdatasync resumed>) = 0
    12 sendto(16<socket:[98]>, "\\1", 1, MSG_NOSIGNAL, NULL, 0) = 1
    14 sendto(19<socket:[99]>, "POST /v1/sync HT"..., 360, MSG_NOSIGNAL, NULL, 0) = 360
    13 write(1<pipe:[17]>, "{\\"ok\\":true,\\"reply\\""..., 66) = 66
    --- SIGCHLD {si_signo=SIGCHLD} ---
    12 +++ killed by SIGKILL +++
    """

  @Test func callsAreCountedByThreadAndStep() {
    let calls = KillPointCounter.calls(Self.log)
    #expect(calls.count == 11)
    let pwrites = calls.filter { $0.call == "pwrite64" }
    #expect(pwrites.map(\.when) == [1, 2])
    #expect(pwrites.map(\.step) == [0, 1])
    #expect(pwrites.map(\.target) == ["exam.db-wal", "exam.db-wal"])
    #expect(calls.filter { $0.target == "stdout" }.map(\.when) == [1, 2])
    #expect(calls.filter { $0.target == "wake-up" }.map(\.call) == ["write", "sendto"])
  }

  @Test func pointsAreTheCallsOfTheirStepsThatTheTracerCanTellApart() {
    let (points, shadowed) = KillPointCounter.points(KillPointCounter.calls(Self.log), steps: 1...1)
    #expect(points.map(\.label) == ["pwrite64 exam.db-wal", "fdatasync exam.db-wal", "connect socket", "write stdout"])
    #expect(points.map(\.when) == [2, 1, 1, 2])
    // The first sendto of any thread is a wake-up, so the request cannot be struck alone.
    #expect(shadowed == 1)
  }

  @Test func theFirstThreadToComeToAPointIsStruck() {
    let calls = KillPointCounter.calls(Self.log)
    let point = KillPoint(call: "sendto", when: 1, target: "socket", step: 1)
    #expect(KillPointCounter.struck(calls, at: point)?.thread == 12)
    #expect(KillPointCounter.struck(calls, at: KillPoint(call: "fdatasync", when: 2, target: "", step: 1)) == nil)
  }

  @Test func i27ASaveAfterAFailureCountsUnlessTheStoreWasOpenedAnew() {
    let calls = KillPointCounter.calls(Self.log)
    let sync = calls.first { $0.call == "fdatasync" }
    guard let sync else {
      Issue.record("the log has a sync")
      return
    }
    let late = KillPointCounter.confirmedAfterFailure(calls, struck: sync, confirmedAt: [0, 1, 2])
    #expect(late == [1, 2])
    let reopened = calls + [TracedCall(thread: 12, call: "openat", target: "exam.db", when: 3, step: 2)]
    #expect(KillPointCounter.confirmedAfterFailure(reopened, struck: sync, confirmedAt: [0, 1, 2]) == [1])
  }

  @Test func everyKindGetsItsShareOfTwentyRuns() {
    let schedule = KillCampaign.interleave(KillLaneName.allCases)
    #expect(schedule.count == 20)
    for lane in KillLaneName.allCases { #expect(schedule.count { $0 == lane } == lane.weight) }
    #expect(Set(schedule.prefix(10)).isSuperset(of: [.save, .sync, .open, .error]))
  }

  @Test func unknownKindsAreRefused() throws {
    #expect(try KillLaneName.list(parsing: "save, sync") == [.save, .sync])
    #expect(throws: RoomError.self) { try KillLaneName.list(parsing: "save,everything") }
  }

  @Test func aScriptIsTheSameForTheSameVariant() {
    let script = PhoneScript.draw(.sync, variant: 3, seed: 1)
    #expect(script.steps == PhoneScript.draw(.sync, variant: 3, seed: 1).steps)
    #expect(script.steps != PhoneScript.draw(.sync, variant: 4, seed: 1).steps)
    #expect(script.steps.count { $0 == .sync } == 2)
  }
}

/// What a candidate remembers is what a run's verdict rests on, so each fault is planted.
@Suite struct CandidateMemoryTests {
  private func memory() throws -> CandidateMemory {
    CandidateMemory(user: "ann", log: try RoomLog(path: "/dev/null"))
  }

  @Test func whatIsConfirmedHasToBeThere() throws {
    var memory = try memory()
    memory.intend("q1", "A")
    memory.confirm(sequence: 5)
    memory.intend("q2", "B")
    memory.confirm(sequence: 6)
    #expect(memory.compare(["q1": "A", "q2": "B"]) == ([], []))
    #expect(memory.compare(["q1": "A"]).lost.count == 1)
    #expect(memory.compare(["q1": "A", "q2": "C"]).wrong.count == 1)
    #expect(memory.compare(["q1": "A", "q2": "B", "q3": "A"]).wrong.count == 1)
    #expect(memory.confirmations == 2)
    #expect(memory.sequence == 6)
  }

  @Test func whatWasUnderWayMayBeThereOrNotUntilItWasSeen() throws {
    var memory = try memory()
    memory.intend("q1", "A")
    memory.confirm(sequence: 5)
    memory.intend("q1", "B")
    memory.doubt("killed")
    #expect(memory.compare(["q1": "C"]).wrong.count == 1)
    #expect(memory.compare(["q1": "B"]) == ([], []))
    // Seen once, it may not fall back.
    #expect(memory.compare(["q1": "A"]).wrong.count == 1)
  }

  @Test func aClearedAnswerMayNotComeBack() throws {
    var memory = try memory()
    memory.intend("q1", "A")
    memory.confirm(sequence: 5)
    memory.intend("q1", "")
    memory.confirm(sequence: 6)
    #expect(memory.compare([:]) == ([], []))
    #expect(memory.compare(["q1": "A"]).wrong.count == 1)
  }
}
