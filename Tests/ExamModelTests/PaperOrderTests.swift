import ExamModel
import Foundation
import Testing

@Suite("The candidate's order of items and options")
struct PaperOrderTests {
  @Test("hashes, streams and bounded draws are those of the published vectors")
  func generatorVectors() throws {
    let vectors = try OrderVectors.load()
    for hash in vectors.hashes { #expect(String(OrderGenerator.hash(hash.text)) == hash.fnv1a64) }
    for stream in vectors.streams {
      var generator = OrderGenerator(seed: try #require(UInt64(stream.seed)), label: stream.label)
      #expect(stream.first.map { _ in String(generator.next()) } == stream.first)
    }
    for draw in vectors.draws {
      var generator = OrderGenerator(seed: try #require(UInt64(draw.seed)), label: draw.label)
      let bound = try #require(UInt64(draw.below))
      #expect(draw.first.map { _ in String(generator.next(below: bound)) } == draw.first)
    }
    #expect(vectors.hashes.count >= 4 && vectors.streams.count >= 10 && vectors.draws.count >= 6)
  }

  @Test("orders are those of the published vectors")
  func orderVectors() throws {
    let vectors = try OrderVectors.load()
    for vector in vectors.papers {
      let paper = vector.paper
      for order in vector.orders {
        let actual = PresentationOrder(of: paper, orderSeed: try #require(UInt64(order.seed)))
        let sections = actual.sections.map { section in
          OrderVectors.Section(
            section: section.sectionID,
            items: section.items.map { OrderVectors.Presented(item: $0.itemID, options: $0.optionIDs) })
        }
        #expect(sections == order.sections, "\(vector.name), seed \(order.seed)")
      }
    }
    #expect(vectors.papers.count == 4)
  }

  @Test("every order is a rearrangement that keeps groups together and in the paper's order")
  func ordersAreRearrangements() throws {
    for vector in try OrderVectors.load().papers {
      let paper = vector.paper
      for seed in UInt64(0)..<200 {
        let order = PresentationOrder(of: paper, orderSeed: seed &* 0x9E37_79B9)
        for (section, presented) in zip(paper.sections, order.sections) {
          let units = section.units.map { $0.map { section.items[$0].id } }
          let ids = presented.items.map(\.itemID)
          let kept = units.filter { ids.contains($0[0]) }
          #expect(kept.count == min(section.drawnUnits ?? units.count, units.count))
          #expect(ids.sorted() == kept.joined().sorted())
          for unit in kept {
            let start = try #require(ids.firstIndex(of: unit[0]))
            #expect(Array(ids[start..<start + unit.count]) == unit)
          }
          for item in presented.items {
            let source = try #require(paper.item(item.itemID))
            #expect(item.optionIDs.sorted() == paper.optionIDs(of: source).sorted())
            #expect(order.contains(itemID: item.itemID))
          }
        }
        #expect(!order.contains(itemID: "nobody"))
      }
    }
  }

  @Test("all items of a B1 group show one order of options")
  func sharedListsHaveOneOrder() throws {
    let paper = try #require(OrderVectors.load().papers.first { $0.name == "groups stay together" }).paper
    var orders: Set<[String]> = []
    for seed in UInt64(0)..<50 {
      let items = PresentationOrder(of: paper, orderSeed: seed).sections[0].items
      let acid = Set(items.filter { ["b1", "b2", "b3"].contains($0.itemID) }.map(\.optionIDs))
      #expect(acid.count == 1)
      orders.formUnion(acid)
    }
    #expect(orders.count > 20)
  }

  @Test("each place is as likely as any other, within five standard deviations")
  func shufflesEvenly() {
    var counts = [[Int]](repeating: [Int](repeating: 0, count: 5), count: 5)
    let draws = 20_000
    for seed in 0..<draws {
      var elements = [0, 1, 2, 3, 4]
      var generator = OrderGenerator(seed: UInt64(seed), label: "even")
      generator.shuffle(&elements)
      for (place, element) in elements.enumerated() { counts[element][place] += 1 }
    }
    let deviation = (Double(draws) * 0.2 * 0.8).squareRoot()
    for row in counts {
      for count in row { #expect(abs(Double(count) - Double(draws) / 5) < 5 * deviation) }
    }
  }
}

/// `Protocol/vectors/order.json`.
struct OrderVectors: Decodable {
  struct Hash: Decodable { var text: String, fnv1a64: String }
  struct Stream: Decodable { var seed: String, label: String, first: [String] }
  struct Draw: Decodable { var seed: String, label: String, below: String, first: [String] }
  struct Presented: Decodable, Equatable { var item: String, options: [String] }
  struct Section: Decodable, Equatable { var section: String, items: [Presented] }
  struct Order: Decodable { var seed: String, sections: [Section] }
  struct VectorItem: Decodable { var id: String, type: String, group: String?, options: [String]? }
  struct VectorSection: Decodable {
    var id: String, shufflesItems: Bool, shufflesOptions: Bool, drawnUnits: Int?, items: [VectorItem]
  }
  struct VectorPaper: Decodable {
    var name: String, lists: [String: [String]], sections: [VectorSection], orders: [Order]
  }

  var hashes: [Hash]
  var streams: [Stream]
  var draws: [Draw]
  var papers: [VectorPaper]

  static func load() throws -> OrderVectors {
    let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let data = try Data(contentsOf: root.appendingPathComponent("Protocol/vectors/order.json"))
    return try JSONDecoder().decode(OrderVectors.self, from: data)
  }
}

extension OrderVectors.VectorPaper {
  /// The paper that the vector describes.
  var paper: Paper {
    Paper(
      id: "vector", version: 1, title: name, language: "en",
      sections: sections.map { section in
        PaperSection(
          id: section.id, title: section.id, drawnUnits: section.drawnUnits, shufflesItems: section.shufflesItems,
          shufflesOptions: section.shufflesOptions, items: section.items.map(\.item))
      },
      sharedOptionLists: lists.map { id, options in
        SharedOptionList(id: id, options: options.map { ItemOption(id: $0, text: $0) })
      })
  }
}

extension OrderVectors.VectorItem {
  fileprivate var item: Item {
    let kind: ItemKind =
      switch type {
      case "A1": .singleBest(.a1)
      case "A2": .singleBest(.a2)
      case "A3": .sharedStem(stemID: group ?? "", form: .a3)
      case "A4": .sharedStem(stemID: group ?? "", form: .a4)
      case "B1": .sharedOptions(listID: group ?? "")
      case "X": .multiple
      case "trueFalse": .trueFalse
      case "fillIn": .fillIn(blankCount: 1)
      case "numeric": .numeric(unit: nil)
      default: .essay(maximumCharacters: 100)
      }
    return Item(id: id, kind: kind, stem: id, options: (options ?? []).map { ItemOption(id: $0, text: $0) })
  }
}
