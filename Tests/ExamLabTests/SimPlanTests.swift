import Testing

@testable import ExamLab

/// Plan files: what was written is read again, and anything else is refused in words.
@Suite struct SimPlanTests {
  private func decision(_ concern: Concern, _ node: UInt16, _ index: UInt32, _ value: Int64) -> Decision {
    Decision(DecisionLabel(concern, node: node, index: index), value)
  }

  private var plan: SimPlan {
    SimPlan(
      seed: .max, options: ["candidates": "5", "nemesis": "wifi-flap, old \"backup\""], violated: [.i8, .i14],
      digest: "00ff", build: "abc",
      decisions: [
        decision(.request, 64, 17, 3), decision(.powerCut, 1, 0, -9), decision(.unsynced, 65, .max, .min),
      ])
  }

  private func refusal(_ text: String) throws -> SimPlanError {
    try #require(throws: SimPlanError.self) { _ = try SimPlan(fileText: text) }
  }

  private func edited(_ edit: (inout [Substring]) -> Void) -> String {
    var lines = plan.fileText.split(separator: "\n")
    edit(&lines)
    return lines.joined(separator: "\n")
  }

  @Test func whatWasWrittenIsRead() throws {
    #expect(try SimPlan(fileText: plan.fileText) == plan)
    #expect(plan.fileText.split(separator: "\n").count == 4)
    let empty = SimPlan(seed: 1, decisions: [])
    #expect(try SimPlan(fileText: empty.fileText) == empty)
  }

  @Test(arguments: Concern.allCases)
  func everyConcernHasALabelThatIsReadAgain(_ concern: Concern) {
    let label = DecisionLabel(concern, node: 7, index: 9)
    #expect(DecisionLabel(label.text) == label)
  }

  @Test(arguments: ["", "request", "request/1", "request/1/2/3", "thing/1/2", "request/-1/2", "request/1/99999999999"])
  func whatIsNoLabelIsRefused(_ text: String) {
    #expect(DecisionLabel(text) == nil)
  }

  @Test func aFileThatIsNoPlanIsRefused() throws {
    #expect(try refusal("").message.contains("empty"))
    #expect(try refusal("{\"seed\":1}\n").line == 1)
    #expect(try refusal("not JSON\n").line == 1)
    #expect(throws: SimPlanError.self) { _ = try SimPlan(path: "/nowhere/plan.jsonl") }
  }

  @Test func anotherFormIsRefusedByName() throws {
    let text = plan.fileText.replacing("\"plan\":1", with: "\"plan\":2")
    let error = try refusal(text)
    #expect(error.line == 1 && error.message.contains("form 2"))
  }

  @Test func aFileThatWasCutShortIsRefused() throws {
    #expect(try refusal(edited { $0.removeLast() }).message.contains("cut short"))
  }

  @Test func aBrokenLineIsNamed() throws {
    #expect(try refusal(edited { $0[2] = "{\"at\":\"powerCut/1/0\"}" }).line == 3)
    #expect(try refusal(edited { $0[2] = "{\"at\":\"powerCut/1/0\",\"value\":0}" }).message.contains("default"))
    #expect(try refusal(edited { $0[2] = "{\"at\":\"power/1/0\",\"value\":1}" }).message.contains("power/1/0"))
    #expect(try refusal(edited { $0[2] = $0[1] }).message.contains("twice"))
    #expect(try refusal(edited { $0[0] = "\($0[0].replacing("I14", with: "I77"))" }).message.contains("I77"))
  }

  @Test func aPlanReplaysWhatWasDrawn() {
    let drawn = Decisions(seed: 5)
    func ask(_ decisions: Decisions) -> [Int64] {
      (0..<50).map { index in
        decisions.next(index.isMultiple(of: 2) ? .request : .kill, node: UInt16(index % 3)) { $0.number(in: -2...2) }
      }
    }
    let values = ask(drawn)
    let replayed = Decisions(seed: 5, plan: drawn.taken)
    #expect(ask(replayed) == values)
    #expect(replayed.taken == drawn.taken)
    #expect(Set(values).count > 2)
  }
}
