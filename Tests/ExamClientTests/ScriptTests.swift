import ExamModel
import Foundation
import Testing

@testable import ExamClient

@Suite(.timeLimit(.minutes(10))) struct ScriptTests {
  @Test(
    arguments: [
      ("login wang pass word", .login(user: "wang", password: "pass word")),
      ("join 042917", .join(code: "042917")),
      ("  preflight ", .preflight),
      ("answer q1 A,C", .answer(item: "q1", text: "A,C")),
      ("answer q6 two words, and a comma", .answer(item: "q6", text: "two words, and a comma")),
      ("flag q1 on", .flag(item: "q1", isSet: true)),
      ("flag q1 off", .flag(item: "q1", isSet: false)),
      ("lock screen_off display went dark", .lock(.screenOff, detail: "display went dark")),
      ("lock call", .lock(.call, detail: "")),
      ("unlock 12345678", .unlock(code: "12345678")),
      ("await ready", .await(.ready, timeoutSeconds: nil)),
      ("await pending-zero 2.5", .await(.pendingZero, timeoutSeconds: 2.5)),
      ("network changed", .network(.changed)),
      ("at 3.25", .at(seconds: 3.25)),
      (
        "info phone=138 0000;seat=12",
        .information([InformationField(name: "phone", value: "138 0000"), InformationField(name: "seat", value: "12")])
      ),
      ("quit", .quit),
    ] as [(String, ScriptCommand)])
  func commandsAreRead(line: String, command: ScriptCommand) throws {
    #expect(try ScriptCommand(line: line) == command)
  }

  @Test(arguments: ["", "   ", "# a comment"])
  func emptyLinesAndCommentsAreSkipped(line: String) throws {
    #expect(try ScriptCommand(line: line) == nil)
  }

  @Test(arguments: [
    "login wang", "join", "join 1 2", "answer q1", "flag q1", "flag q1 maybe", "lock earthquake", "await rain",
    "await ready soon", "await ready -1", "at later", "at 1e9", "network", "info phone", "info =1", "start now",
  ])
  func malformedCommandsAreRefusedWithTheirForm(line: String) {
    let error = #expect(throws: ExamClientError.self) { try ScriptCommand(line: line) }
    #expect(error?.code == .badArgument)
  }

  @Test func unknownCommandsAreNamed() {
    let error = #expect(throws: ExamClientError.self) { try ScriptCommand(line: "dance now") }
    #expect(error?.code.rawValue == "unknown-command")
    #expect(error?.message.contains("dance") == true)
  }

  @Test func answersAreReadByTheKindOfTheItem() {
    #expect(AnswerText.value("C, A,A", for: .multiple) == .options(["A", "C"]))
    #expect(AnswerText.value("T", for: .trueFalse) == .options(["T"]))
    #expect(AnswerText.value("x|", for: .fillIn(blankCount: 2)) == .blanks(["x", ""]))
    #expect(AnswerText.value("-12.5", for: .numeric(unit: nil)) == .number("-12.5"))
    #expect(AnswerText.value("one\\ntwo \\\\n", for: .essay(maximumCharacters: 9)) == .text("one\ntwo \\n"))
  }

  @Test func repliesAreOneJSONObjectOnOneLine() throws {
    let nasty = "quote \" backslash \\ line\nbreak\u{2028}\u{7}é中"
    let reply = ScriptReply(
      "saved",
      [
        ("sequence", .count(17)), ("text", .text(nasty)), ("nothing", .none),
        ("list", .list([.flag(true), .decimal(1.5)])),
      ])
    let line = reply.line(.json)
    #expect(!line.contains("\n"))
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["ok"] as? Bool == true)
    #expect(object["reply"] as? String == "saved")
    #expect(object["sequence"] as? Int == 17)
    #expect(object["text"] as? String == nasty)
    #expect(object["nothing"] is NSNull)
    #expect(reply.line(.text) == "saved 17")
  }

  @Test func refusalsNameWhoCanHelpNext() throws {
    let error = ExamClientError(.unlockCodeWrong, "No.", nextActor: .proctor, triesLeft: 3, lock: 2)
    let line = ScriptReply(error).line(.json)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["ok"] as? Bool == false)
    #expect(object["error"] as? String == "unlock-code-wrong")
    #expect(object["next_actor"] as? String == "proctor")
    #expect(object["tries_left"] as? Int == 3)
    #expect(ScriptReply(error).line(.text) == "error unlock-code-wrong: No.")
  }

  @Test(arguments: 0...5)
  func base64SurvivesEveryLength(count: Int) {
    let bytes = (0..<count).map { UInt8($0 * 51) }
    #expect(Base64.encode(bytes) == Data(bytes).base64EncodedString())
    #expect(Base64.decode(Array(Base64.encode(bytes).utf8)) == bytes)
    #expect(Base64.decode(Array("@@@@".utf8)) == nil)
  }

  @Test func aSubmitTokenSurvivesAsText() throws {
    let token = SubmitToken(attempt: .random(), answerCount: 3, answers: [UInt8](repeating: 5, count: 32))
    #expect(SubmitToken(text: token.text) == token)
    #expect(SubmitToken(text: "") == nil)
    #expect(SubmitToken(text: token.text + "0.1") == nil)
    #expect(SubmitToken(text: token.text.replacingOccurrences(of: "05", with: "0")) == nil)
  }
}
