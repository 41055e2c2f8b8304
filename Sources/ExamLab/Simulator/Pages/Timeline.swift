import Foundation

/// A run as a picture: one lane for each node, true time from left to right.
struct Timeline {
  let history: [HistoryEvent]
  let violations: [Violation]

  static let width = 1100.0
  static let left = 96.0
  static let laneHeight = 44.0
  static let top = 44.0

  private let last: Int64
  let nodes: [SimNode]

  init(history: [HistoryEvent], violations: [Violation]) {
    self.history = history
    self.violations = violations
    last = max(1_000, history.last?.trueMilliseconds ?? 0, violations.map(\.trueMilliseconds).max() ?? 0)
    nodes = Set(history.map(\.node)).subtracting([.world]).sorted { $0.number < $1.number }
  }

  /// Labels of violations stand below the lanes, each on a line of its own.
  private static let labelLimit = 12
  private var lanesEnd: Double { Self.top + Double(nodes.count) * Self.laneHeight + 4 }
  var height: Double { lanesEnd + Double(min(Self.labelLimit, violations.count)) * 14 + 12 }

  var svg: String {
    let byNode = Dictionary(grouping: history, by: \.node)
    var parts = [axis]
    parts += nemeses
    for (row, node) in nodes.enumerated() { parts.append(lane(node, byNode[node] ?? [], row: row)) }
    parts += violations.prefix(Self.labelLimit).enumerated().map { mark($1, index: $0) }
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.left + Self.width + 24) \(height)" \
      width="\(Self.left + Self.width + 24)" height="\(height)" role="img" aria-label="What each node did">
      \(parts.joined(separator: "\n"))
      </svg>
      """
  }

  func x(_ instant: Int64) -> Double {
    Self.left + Double(min(max(0, instant), last)) / Double(last) * Self.width
  }

  private func number(_ value: Double) -> String { String(format: "%.1f", value) }

  // MARK: - The frame

  private var axis: String {
    let steps: [Int64] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400].map { $0 * 1_000 }
    let step = steps.first { last / $0 <= 11 } ?? last
    var parts: [String] = []
    for instant in stride(from: Int64(0), through: last, by: Int64.Stride(step)) {
      let place = number(x(instant))
      parts.append(
        "<line class=\"grid\" x1=\"\(place)\" x2=\"\(place)\" y1=\"\(Self.top - 6)\" y2=\"\(lanesEnd)\"/>"
          + "<text class=\"tick\" x=\"\(place)\" y=\"\(Self.top - 10)\" text-anchor=\"middle\">"
          + ShortNames.time(instant).prefix { $0 != "." } + "</text>")
    }
    return parts.joined()
  }

  /// Long events of the run, above the lanes.
  private var nemeses: [String] {
    var begun: [String: Int64] = [:]
    var parts: [String] = []
    func band(_ name: String, _ from: Int64, _ until: Int64) {
      parts.append(rectangle("lock", from, until, top: 6, height: 14, title: name))
      parts.append(label(name, at: from, y: 16, style: "tick", title: name))
    }
    for event in history {
      guard case .nemesis(let name, let begins) = event.fact else { continue }
      if begins {
        begun[name] = event.trueMilliseconds
      } else if let from = begun.removeValue(forKey: name) {
        band(name, from, event.trueMilliseconds)
      }
    }
    for (name, from) in begun.sorted(by: { $0.key < $1.key }) { band(name, from, last) }
    return parts
  }

  private func mark(_ violation: Violation, index: Int) -> String {
    let place = number(x(violation.trueMilliseconds))
    let bottom = lanesEnd + Double(index) * 14 + 12
    return "<line class=\"wrong\" x1=\"\(place)\" x2=\"\(place)\" y1=\"\(Self.top - 4)\" y2=\"\(number(bottom))\"/>"
      + label(
        "\(violation.invariant) \(Invariants.row(violation.invariant).name), \(violation.node.name)",
        at: violation.trueMilliseconds, y: bottom, style: "wrongtext", title: "\(violation)")
  }

  /// Text beside an instant, on the side where there is room.
  private func label(_ text: String, at instant: Int64, y: Double, style: String, title: String) -> String {
    let isRight = x(instant) > Self.left + Self.width * 0.75
    return "<text class=\"\(style)\" x=\"\(number(x(instant) + (isRight ? -5 : 5)))\" y=\"\(number(y))\""
      + "\(isRight ? " text-anchor=\"end\"" : "")>\(RoomPage.escape(text))"
      + "<title>\(RoomPage.escape(title))</title></text>"
  }

  // MARK: - Lanes

  private func lane(_ node: SimNode, _ events: [HistoryEvent], row: Int) -> String {
    let top = Self.top + Double(row) * Self.laneHeight
    var parts = [
      "<text x=\"4\" y=\"\(number(top + 22))\">\(node.name)</text>",
      "<line class=\"grid\" x1=\"0\" x2=\"\(Self.left + Self.width)\" y1=\"\(number(top))\" y2=\"\(number(top))\"/>",
    ]
    let spans = LaneSpans(events, until: last)
    if node.isPhone { parts.append(rectangle("up", 0, last, top: top + 34, height: 5, title: "network")) }
    for span in spans.locked {
      parts.append(rectangle("lock", span.0, span.1, top: top + 4, height: 28, title: "locked"))
    }
    for span in spans.down {
      parts.append(rectangle("down", span.0, span.1, top: top + 34, height: 5, title: "no network"))
    }
    for span in spans.off {
      parts.append(rectangle("off", span.0, span.1, top: top + 4, height: 28, title: "not running"))
    }
    parts += ticks(events, top: top)
    parts += events.compactMap { symbol($0, y: top + 18) }
    return parts.joined(separator: "\n")
  }

  private func rectangle(
    _ style: String, _ from: Int64, _ until: Int64, top: Double, height: Double, title: String
  ) -> String {
    let width = max(1.5, x(until) - x(from))
    return "<rect class=\"\(style)\" x=\"\(number(x(from)))\" y=\"\(number(top))\" width=\"\(number(width))\" "
      + "height=\"\(number(height))\"><title>\(RoomPage.escape(title))</title></rect>"
  }

  /// Saves and acknowledgements as short lines; those that would fall on one another are one.
  private func ticks(_ events: [HistoryEvent], top: Double) -> [String] {
    var paths = ["save": "", "ack": ""]
    var drawn: [String: String] = [:]
    for event in events {
      let (style, from, until): (String, Double, Double)
      switch event.fact {
      case .saved: (style, from, until) = ("save", top + 6, top + 14)
      case .acknowledgementStored, .acknowledged: (style, from, until) = ("ack", top + 24, top + 31)
      default: continue
      }
      let place = number(x(event.trueMilliseconds))
      guard drawn[style] != place else { continue }
      drawn[style] = place
      paths[style, default: ""] += "M\(place) \(number(from))V\(number(until))"
    }
    return ["save", "ack"].compactMap { style in
      let path = paths[style, default: ""]
      return path.isEmpty ? nil : "<path class=\"\(style)\" d=\"\(path)\"/>"
    }
  }

  private func symbol(_ event: HistoryEvent, y: Double) -> String? {
    let place = x(event.trueMilliseconds)
    func at(_ dx: Double, _ dy: Double) -> String { "\(number(place + dx)) \(number(y + dy))" }
    let (style, path): (String, String)
    switch event.fact {
    case .killed, .serverKilled:
      (style, path) = ("dead", "M\(at(-4, -3))l1 -1l3 3l3 -3l1 1l-3 3l3 3l-1 1l-3 -3l-3 3l-1 -1l3 -3z")
    case .powerCut, .serverPowerCut: (style, path) = ("dead", "M\(at(1, -6))l-5 7h3l-1 5l5 -7h-3z")
    case .serverRestored: (style, path) = ("disk", "M\(at(-5, 0))l6 -5v3h4v4h-4v3z")
    case .diskFault, .serverFaulted, .storageWarningShown, .openFailed:
      (style, path) = ("disk", "M\(at(0, -5))l5 9h-10z")
    case .sealedShown: (style, path) = ("seal", "M\(at(0, -5))l5 5l-5 5l-5 -5z")
    case .receiptShown: (style, path) = ("receipt", "M\(at(-4.5, 0))a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z")
    case .successorOpened, .clockJumped: (style, path) = ("disk", "M\(at(-3, -4))h6v8h-6z")
    case .commanded, .codeReadOut: (style, path) = ("seal", "M\(at(-2, -4))h4v8h-4z")
    default: return nil
    }
    var text = FactText()
    let title = "\(ShortNames.time(event.trueMilliseconds)) \(event.node.name) \(text.text(event.fact))"
    return "<path class=\"\(style)\" d=\"\(path)\"><title>\(RoomPage.escape(title))</title></path>"
  }
}

/// Stretches of one node: without a network, not running, locked.
struct LaneSpans {
  private(set) var down: [(Int64, Int64)] = []
  private(set) var off: [(Int64, Int64)] = []
  private(set) var locked: [(Int64, Int64)] = []

  init(_ events: [HistoryEvent], until last: Int64) {
    var downSince: Int64?
    var offSince: Int64?
    var lockedSince: Int64?
    func close(_ since: inout Int64?, _ spans: inout [(Int64, Int64)], at instant: Int64) {
      if let from = since { spans.append((from, instant)) }
      since = nil
    }
    for event in events {
      let now = event.trueMilliseconds
      switch event.fact {
      case .linkDown: downSince = downSince ?? now
      case .linkUp: close(&downSince, &down, at: now)
      case .killed, .powerCut, .suspended, .closed, .serverKilled, .serverPowerCut, .serverFaulted:
        offSince = offSince ?? now
      case .opened, .woke, .serverOpened: close(&offSince, &off, at: now)
      case .lockedShown: lockedSince = lockedSince ?? now
      case .unlockedShown, .sealedShown: close(&lockedSince, &locked, at: now)
      default: break
      }
    }
    close(&downSince, &down, at: last)
    close(&offSince, &off, at: last)
    close(&lockedSince, &locked, at: last)
  }
}
