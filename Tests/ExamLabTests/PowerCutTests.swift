import Testing

@testable import ExamLab

@Suite struct PowerCutTests {
  @Test(arguments: [UInt64(1), 2, 3])
  func phonesLoseNothingThatWasCalledSaved(seed: UInt64) {
    let result = PowerCutCampaign(seed: seed).run(0..<320)
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.cycles == 320 && result.nextCycle == 320)
    #expect(result.counts.cuts > 100 && result.counts.kills > 30 && result.counts.nestedCuts > 30)
    #expect(result.counts.steps > 500 && result.counts.inFlightKept > 0 && result.counts.secondOpenings > 10)
  }

  @Test func everyFamilyOfFaultsIsMet() {
    let counts = PowerCutCampaign(seed: 11).run(0..<1_600).counts
    #expect(counts.failStops > 0 && counts.reopenings > 0 && counts.refusedForSpace > 0 && counts.cleanEnds > 0)
    #expect(counts.lossesNoticed + counts.lossesNoticedByServer + counts.earlierStates > 0)
  }

  @Test func serversKeepWhatTheyAcknowledged() {
    let result = PowerCutCampaign(seed: 1, lane: .server).run(0..<320)
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.cycles == 320 && result.counts.steps > 300 && result.counts.inFlightKept > 0)
  }

  @Test(arguments: PowerCutPlan.Lane.allCases)
  func sameSeedGivesTheSameRunInAnySlices(lane: PowerCutPlan.Lane) {
    let campaign = PowerCutCampaign(seed: 5, lane: lane)
    let whole = campaign.run(0..<160, threads: 2)
    var sliced = campaign.run(0..<80)
    sliced.add(campaign.run(sliced.nextCycle..<160))
    #expect(whole.digest == sliced.digest && whole.counts == sliced.counts && whole.nextCycle == sliced.nextCycle)
    #expect(PowerCutCampaign(seed: 6, lane: lane).run(0..<160).digest != whole.digest)
  }

  /// A disk that lies without the checks' knowledge: they find it, and the plan that they write finds it again.
  @Test(arguments: PowerCutPlan.Lane.allCases)
  func plantedLossIsFoundAndReplays(lane: PowerCutPlan.Lane) throws {
    var campaign = PowerCutCampaign(seed: 3, lane: lane)
    campaign.planted.lyingSyncsPerMillion = 500_000
    let result = campaign.run(0..<320)
    #expect(result.failures.count > 5)
    for failure in result.failures.prefix(4) {
      let plan = try PowerCutPlan(text: failure.plan.text())
      #expect(plan == failure.plan)
      let again = PowerCutCampaign.replay(plan, planted: campaign.planted)
      #expect(again?.finding == failure.finding && again?.story.isEmpty == false)
    }
  }

  @Test func planThatCannotBeReadNamesItsLine() throws {
    #expect(throws: RoomError.self) { try PowerCutPlan(text: "") }
    #expect(throws: RoomError.self) { try PowerCutPlan(text: "{\"plan\":\"other\"}") }
    let plan = PowerCutPlan(
      lane: .phone, seed: 1, life: 2, decisions: [Decision(DecisionLabel(.kill, node: 1, index: 4), 7)])
    let text = try plan.text()
    #expect(try PowerCutPlan(text: text) == plan)
    let error = #expect(throws: RoomError.self) { try PowerCutPlan(text: text + "{}\n") }
    #expect("\(try #require(error))".contains("Line 3"))
  }

  @Test(arguments: PowerCutPlan.Lane.allCases)
  func everyTwentiethCallOfARecoveryIsCutToo(lane: PowerCutPlan.Lane) {
    var exhaustive = PowerCutExhaustive(seed: 2, lane: lane)
    exhaustive.fates = 2
    exhaustive.nestedStride = 20
    let result = exhaustive.run()
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.cycles > 300 && result.counts.nestedCuts > 20)
  }

  @Test func bareSQLiteKeepsWhatItsSettingPromises() {
    let full = BareSQLite(.full, seed: 1).run(cycles: 160)
    #expect(full.cycles == 160 && full.cyclesWithLoss == 0 && full.damaged == 0)
    #expect(BareSQLite(.normal, seed: 1).run(cycles: 160).cyclesWithLoss > 10)
    let lying = BareSQLite(.lyingDisk, seed: 1).run(cycles: 160)
    #expect(lying.cyclesWithLoss + lying.damaged > 0)
  }
}
