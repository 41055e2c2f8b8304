import ExamModel

/// What one candidate will do, drawn from the seed before anything runs.
struct CandidatePlan: Sendable {
  enum Unlocking: Sendable {
    /// The proctor reads a code out; it is typed with no network needed.
    case code
    /// The proctor presses a button, and the server tells the phone.
    case server
  }

  struct Step: Sendable {
    enum Action: Sendable {
      case answer(item: String, value: AnswerValue)
      case clear(item: String)
      /// A section with no way back is left.
      case leave(section: String)
      case lock(cause: String, by: CandidatePlan.Unlocking)
    }
    /// Milliseconds after the opening.
    var at: Int
    var action: Action
  }

  var index: Int
  var link: LinkConfiguration
  var steps: [Step]
  /// Milliseconds after the opening at which its process is killed.
  var kills: [Int]
  /// Milliseconds before the bell at which the candidate hands in.
  var submitsBeforeBell: Int
}

extension CandidatePlan.Step.Action {
  /// The item it is about; candidates do not all get the same where sections draw.
  var item: String? {
    switch self {
    case .answer(let item, _), .clear(let item): item
    case .leave, .lock: nil
    }
  }
}

/// Draws candidates' plans.
struct RoomPlanner {
  let paper: Paper
  let options: RoomOptions

  func plan(_ index: Int) -> CandidatePlan {
    let name = "phone-\(index + 1)"
    var generator = OrderGenerator(seed: options.seed, label: name)
    return CandidatePlan(
      index: index, link: LinkConfiguration(name: name, profile: profile(index, &generator)),
      steps: steps(&generator), kills: kills(&generator), submitsBeforeBell: generator.number(in: 0...1000))
  }

  private func profile(_ index: Int, _ generator: inout OrderGenerator) -> LinkProfile {
    var profile: LinkProfile
    switch options.usesRecordedLinksOnly ? 3 : index % 4 {
    case 0: profile = .deadly3G
    case 1: profile = .lte
    case 2: profile = .wifiFlap
    default: profile = recorded(&generator) ?? .deadly3G
    }
    profile.faults.lostReplies = LostReplies(rate: 0.03)
    profile.faults.duplicates = Duplicates(rate: 0.03, delayMilliseconds: 0...1500)
    profile.faults.truncation = ByteFault(rate: 0.02, bytes: 20...2000)
    profile.faults.weather = [Weather(kind: .badGateway, rate: 0.01)]
    return profile
  }

  private func recorded(_ generator: inout OrderGenerator) -> LinkProfile? {
    guard let traces = options.traces else { return nil }
    let names = ["TMobile-UMTS-driving", "Verizon-EVDO-driving", "ATT-LTE-driving"]
    return .recorded(prefix: "\(traces)/\(names[Int(generator.next(below: UInt64(names.count)))])")
  }

  /// Answers over the whole exam, some of them changed or cleared later, and locks in between.
  private func steps(_ generator: inout OrderGenerator) -> [CandidatePlan.Step] {
    var actions: [CandidatePlan.Step.Action] = []
    let drawer = AnswerDrawer(paper: paper)
    for section in paper.sections {
      var sectionActions: [CandidatePlan.Step.Action] = []
      for item in section.items {
        sectionActions.append(.answer(item: item.id, value: drawer.draw(item, &generator)))
        if generator.next(below: 5) == 0 {
          let again = section.items[Int(generator.next(below: UInt64(section.items.count)))]
          sectionActions.append(.answer(item: again.id, value: drawer.draw(again, &generator)))
        }
        if generator.next(below: 40) == 0 { sectionActions.append(.clear(item: item.id)) }
      }
      if !section.canGoBack { sectionActions.append(.leave(section: section.id)) }
      actions += sectionActions
    }
    let locks = Int(generator.next(below: 3))
    let causes = ["app_switch", "call", "screenshot", "screen_off", "search"]
    for _ in 0..<locks {
      let place = generator.number(in: actions.count / 5...actions.count * 4 / 5)
      let cause = causes[Int(generator.next(below: UInt64(causes.count)))]
      actions.insert(.lock(cause: cause, by: generator.next(below: 2) == 0 ? .code : .server), at: place)
    }
    // The last steps come early enough for a candidate who hands in before the bell.
    let span = options.examSeconds * 1000 - 2500
    return actions.enumerated().map { position, action in
      let even = span * position / max(1, actions.count)
      return CandidatePlan.Step(at: even + generator.number(in: 0...max(1, span / actions.count)), action: action)
    }
  }

  private func kills(_ generator: inout OrderGenerator) -> [Int] {
    // From the download of the paper to shortly before the bell, when everybody is still at it.
    var kills = (0..<options.killsPerCandidate).map { _ in
      generator.number(in: -3000...options.examSeconds * 1000 - 1500)
    }
    // Every third phone dies once more around the bell: sealed, and waiting for its receipt.
    if options.killsPerCandidate > 0, generator.next(below: 3) == 0 {
      kills.append(generator.number(in: options.examSeconds * 1000 - 800...options.examSeconds * 1000 + 300))
    }
    return kills.sorted()
  }
}

/// Draws a possible answer to an item.
struct AnswerDrawer {
  let paper: Paper

  func draw(_ item: Item, _ generator: inout OrderGenerator) -> AnswerValue {
    let options = paper.optionIDs(of: item)
    switch item.kind {
    case .multiple:
      let chosen = options.filter { _ in generator.next(below: 2) == 0 }
      return .options((chosen.isEmpty ? [options[0]] : chosen).sorted())
    case .fillIn(let blanks):
      return .blanks((1...blanks).map { "blank \($0) \(generator.next(below: 1_000_000))" })
    case .numeric:
      return .number("\(generator.next(below: 900) + 100).\(generator.next(below: 9) + 1)")
    case .essay(let maximum):
      let words = ["休克", "sepsis", "补液", "lactate", "监测", "airway", "复查", "follow-up"]
      let count = generator.number(in: 5...60)
      let text = (0..<count).map { _ in words[Int(generator.next(below: UInt64(words.count)))] }
        .joined(separator: " ")
      return .text(String(String.UnicodeScalarView(text.unicodeScalars.prefix(maximum))))
    default:
      return .options([options[Int(generator.next(below: UInt64(options.count)))]])
    }
  }
}

extension OrderGenerator {
  /// A number of the range, both ends included.
  mutating func number(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(next(below: UInt64(range.upperBound - range.lowerBound + 1)))
  }
}
