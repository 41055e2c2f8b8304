import SyncCore
import Testing

@testable import ExamLab

/// Files that are changed, cut, removed, taken back or swapped while nothing runs.
@Suite struct DamageAtRestTests {
  @Test func damagedPhoneTellsAndNeverShowsWhatWasNotSaved() {
    let result = PowerCutCampaign(seed: 1, lane: .phoneDamage).run(0..<160)
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.damages > 100 && result.counts.quarantined > 10 && result.counts.lossesNoticed > 15)
    #expect(result.counts.lossesNoticedByServer > 5 && result.counts.foreignStores > 5)
    #expect(result.counts.secondOpenings > 100)
  }

  @Test func damagedServerRefusesOrIsFilledUpByItsPhones() {
    let result = PowerCutCampaign(seed: 1, lane: .serverDamage).run(0..<320)
    #expect(result.failures.map(\.finding) == [])
    #expect(result.counts.refused > 10 && result.counts.lossesNoticedByServer > 20)
  }

  /// Each form, on one and the same store: a name that is never reached proves nothing.
  @Test func everyFormOfDamageIsDrawn() {
    var forms: Set<Int> = []
    for choice in Int64(1)...400 { forms.insert(DamageKind(choice: choice)?.form.rawValue ?? -1) }
    #expect(forms == Set(DamageKind.Form.allCases.map(\.rawValue)))
    #expect(DamageKind(choice: 0) == nil)
  }
}

/// The exhaustive walk, as far as a test has time for it.
@Suite struct PowerCutWalkTests {
  @Test(arguments: PowerCutWalk.Operation.allCases)
  func everyCallOfAPhonesOperationMayBeItsLast(operation: PowerCutWalk.Operation) {
    var walk = PowerCutWalk(operation, of: .phone, seed: 1)
    walk.fates = 2
    walk.nestedStride = 0
    let result = walk.run()
    #expect(result.outcome.failures.map(\.finding) == [])
    #expect(result.calls > 3 && result.points == result.calls * 3)
  }

  @Test func everyCallOfASaveIsCutAndItsOpeningToo() {
    var walk = PowerCutWalk(.save, of: .phone, seed: 1)
    walk.fates = 1
    walk.nestedStride = 9
    let result = walk.run()
    #expect(result.outcome.failures.map(\.finding) == [])
    #expect(result.nestedPoints > result.points)
  }

  @Test(arguments: PowerCutWalk.operations(of: .server))
  func everyCallOfAServersOperationMayBeItsLast(operation: PowerCutWalk.Operation) {
    var walk = PowerCutWalk(operation, of: .server, seed: 1)
    walk.fates = 2
    walk.nestedStride = 0
    let result = walk.run()
    #expect(result.outcome.failures.map(\.finding) == [])
    #expect(result.calls > 3 && result.points == result.calls * 3)
  }
}
