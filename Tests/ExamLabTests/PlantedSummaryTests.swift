import Testing

@testable import ExamLab

/// What a campaign with deliberate bugs says of its plans.
@Suite struct PlantedSummaryTests {
  private func caught(_ choices: Int?) -> PlantedCatch {
    var result = PlantedCatch(bug: "one", loss: "an answer", runs: 1, seconds: 1, isCleanWithout: true)
    result.choicesAfterShrinking = choices
    return result
  }

  @Test func medianOfTheSmallerPlansIsAtMostThirty() {
    #expect(PlantedCampaign.areSmall([]))
    #expect(PlantedCampaign.areSmall([caught(nil), caught(nil)]))
    #expect(PlantedCampaign.areSmall([caught(500), caught(nil), caught(30), caught(2)]))
    #expect(!PlantedCampaign.areSmall([caught(500), caught(31), caught(2)]))
  }
}
