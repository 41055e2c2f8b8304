import ExamModel
import Testing

@testable import ServerCore

@Suite struct DueListTests {
  private func id(_ number: UInt64) -> ID128 { ID128(high: 0, low: number) }

  @Test func instantsComeInOrderWhateverTheOrderTheyWentIn() {
    var list = DueList()
    var generator = SplitMix(5)
    var expected: [Int64] = []
    for number in 1...500 as ClosedRange<UInt64> {
      let at = Int64.random(in: 0..<200, using: &generator)
      list.lower(id(number), to: at)
      expected.append(at)
    }
    var taken: [Int64] = []
    while let entry = list.take(through: .max) { taken.append(entry.at) }
    #expect(taken == expected.sorted())
    #expect(list.count == 0)
  }

  @Test func anInstantIsOnlyEverLowered() {
    var list = DueList()
    list.lower(id(1), to: 10)
    list.lower(id(1), to: 20)
    let first = list.first
    #expect(first?.at == 10)
    list.lower(id(1), to: 5)
    list.lower(id(2), to: 7)
    let taken = [4, 100, 100, 100].map { list.take(through: $0) }
    #expect(taken == [nil, DueList.Entry(at: 5, id: id(1)), DueList.Entry(at: 7, id: id(2)), nil])
  }

  @Test func whatWasTakenCanGoInAgainLater() {
    var list = DueList()
    list.lower(id(1), to: 10)
    let taken = list.take(through: 10)
    #expect(taken?.at == 10)
    list.lower(id(1), to: 30)
    let first = list.first
    #expect(first?.at == 30)
    #expect(list.count == 1)
  }
}
