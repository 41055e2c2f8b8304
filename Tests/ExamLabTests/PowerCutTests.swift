import ExamStore
import SQLite
import Testing

@testable import ExamLab

@Suite struct PowerCutTests {
  @Test(arguments: [UInt64(1), 2])
  func phonesLoseNothingThatWasCalledSaved(seed: UInt64) {
    let result = PowerCutCampaign(seed: seed).run(0..<160)
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.cycles == 160 && result.nextCycle == 160)
    #expect(result.counts.cuts > 50 && result.counts.kills > 15 && result.counts.nestedCuts > 15)
    #expect(result.counts.steps > 300 && result.counts.inFlightKept > 0 && result.counts.secondOpenings > 10)
  }

  @Test func everyFamilyOfFaultsIsMet() {
    let counts = PowerCutCampaign(seed: 11).run(0..<640).counts
    #expect(counts.failStops > 0 && counts.reopenings > 0 && counts.refusedForSpace > 0 && counts.cleanEnds > 0)
    #expect(counts.lossesNoticed + counts.lossesNoticedByServer + counts.earlierStates > 0)
  }

  @Test(arguments: PowerCutPlan.Lane.cuts)
  func filesOfTheVersionBeforeAreMet(lane: PowerCutPlan.Lane) {
    let result = PowerCutCampaign(seed: 12, lane: lane).run(0..<320)
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.updates > 8)
  }

  @Test(arguments: [false, true]) func fileOfTheVersionBeforeIsBroughtUpToDate(leavesLog: Bool) throws {
    let disk = VirtualDisk(decisions: Decisions(seed: 1, plan: []), node: 1)
    defer { disk.close() }
    func version() throws -> Int32 {
      disk.restart()
      var options = ConnectionOptions.durable
      options.vfsName = disk.vfsName
      let connection = try Connection(path: PowerCutPhone.path, options: options)
      defer { try? connection.close() }
      return try connection.schemaVersion()
    }
    let phone = PowerCutPhone(disk: disk, seed: 1)
    try phone.open().close()
    let newest = try version()
    disk.restart()
    try EarlierForm.phone.takeBack(PowerCutPhone.path, on: disk, leavesLog: leavesLog)
    #expect(try version() == newest - 1)
    disk.restart()
    try phone.open().close()
    #expect(try version() == newest)
  }

  @Test func serversKeepWhatTheyAcknowledged() {
    let result = PowerCutCampaign(seed: 1, lane: .server).run(0..<160)
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.cycles == 160 && result.counts.steps > 200 && result.counts.inFlightKept > 0)
  }

  @Test(arguments: PowerCutPlan.Lane.allCases)
  func sameSeedGivesTheSameRunInAnySlices(lane: PowerCutPlan.Lane) {
    let campaign = PowerCutCampaign(seed: 5, lane: lane)
    let whole = campaign.run(0..<64, threads: 2)
    var sliced = campaign.run(0..<32)
    sliced.add(campaign.run(sliced.nextCycle..<64))
    #expect(whole.digest == sliced.digest && whole.counts == sliced.counts && whole.nextCycle == sliced.nextCycle)
    #expect(PowerCutCampaign(seed: 6, lane: lane).run(0..<64).digest != whole.digest)
  }

  /// A disk that lies without the checks' knowledge: they find it, and the plan that they write finds it again.
  @Test(arguments: PowerCutPlan.Lane.cuts)
  func plantedLossIsFoundAndReplays(lane: PowerCutPlan.Lane) throws {
    var campaign = PowerCutCampaign(seed: 3, lane: lane)
    campaign.planted.lyingSyncsPerMillion = 500_000
    let result = campaign.run(0..<160)
    #expect(result.failures.count > 3)
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

  @Test(arguments: PowerCutPlan.Lane.cuts)
  func everyTwentiethCallOfARecoveryIsCutToo(lane: PowerCutPlan.Lane) {
    var exhaustive = PowerCutExhaustive(seed: 2, lane: lane)
    exhaustive.fates = 1
    exhaustive.nestedStride = 20
    let result = exhaustive.run()
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.cycles > 100 && result.counts.nestedCuts > 20)
  }

  /// A process that is killed while it makes the file leaves a WAL that was never synced. Its successor does not sync
  /// the folder with it, so the journal by which the file was made must be durably gone before.
  @Test func killWhileTheFileIsMadeLeavesNoJournalToComeBack() {
    for call in Int64(0)..<60 {
      for cut in stride(from: Int64(0), to: 90, by: 9) {
        let plan = [
          Decision(DecisionLabel(.kill, node: 1, index: 0), call * 4 + 3),
          Decision(DecisionLabel(.powerCut, node: 1, index: 0), cut * 4 + 1),
          Decision(DecisionLabel(.unsynced, node: 1, index: 0), 1),
        ]
        let life = PowerCutLife(decisions: Decisions(seed: 1, plan: plan), cycles: 1)
        #expect(throws: Never.self, "killed at \(call), cut at \(cut)") { try life.run() }
      }
    }
  }

  @Test func bareSQLiteKeepsWhatItsSettingPromises() {
    let full = BareSQLite(.full, seed: 1).run(cycles: 160)
    #expect(full.cycles == 160 && full.cyclesWithLoss == 0 && full.damaged == 0)
    #expect(BareSQLite(.normal, seed: 1).run(cycles: 160).cyclesWithLoss > 10)
    let lying = BareSQLite(.lyingDisk, seed: 1).run(cycles: 160)
    #expect(lying.cyclesWithLoss + lying.damaged > 0)
  }
}
