import Foundation
import Testing

@testable import ExamLab

/// With real processes.
@Suite struct ChildProcessTests {
  private let errors = FileManager.default.temporaryDirectory
    .appendingPathComponent("child-\(UUID().uuidString).log").path

  @Test func linesComeBackAndTheEndIsSeen() throws {
    let cat = try ChildProcess(["/bin/cat"], errorFile: errors)
    #expect(cat.send("one") && cat.send("two"))
    let soon = MonotonicClock.milliseconds + 10_000
    #expect(cat.readLine(until: soon) == .text("one"))
    #expect(cat.readLine(until: soon) == .text("two"))
    #expect(cat.readLine(until: MonotonicClock.milliseconds + 20) == .timeout)
    cat.kill()
    #expect(cat.wait() == -9)
    #expect(cat.readLine(until: soon) == .end)
  }

  @Test func aKillEndsOnlyItsOwnProcess() throws {
    let one = try ChildProcess(["/bin/cat"], errorFile: errors)
    let other = try ChildProcess(["/bin/cat"], errorFile: errors)
    one.kill()
    #expect(other.send("still here"))
    #expect(other.readLine(until: MonotonicClock.milliseconds + 10_000) == .text("still here"))
  }

  @Test func aFailingCommandTellsItsError() throws {
    #expect(try ChildProcess.run(["/bin/echo", "a b"], errorFile: errors) == ["a b"])
    #expect(throws: RoomError.self) { try ChildProcess.run(["/bin/ls", "/no/such/place"], errorFile: errors) }
    #expect(throws: RoomError.self) { try ChildProcess(["/no/such/command"], errorFile: errors) }
  }
}
