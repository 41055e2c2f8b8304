/// One line of control, as `exam-lab proxy` reads it from its standard input.
public enum ProxyControlLine: Equatable, Sendable {
  /// Which links a line is about.
  public enum Target: Equatable, Sendable {
    case all
    case link(String)
  }

  case setNetwork(Target, up: Bool)
  case setDirection(Target, LinkDirection, up: Bool)
  case setFaults(Target, enabled: Bool)
  case cut(Target)
  case arm(Target, RequestFault)
  case counters
  case stop

  /// What can be said, for people.
  public static let help = """
    up LINK | down LINK              gives the network back, takes it away (LINK is a name, or * for all)
    open LINK up|down                opens one direction
    close LINK up|down               closes one direction
    cut LINK                         resets the live connections
    faults LINK on|off               random and timed faults strike, or rest
    lose LINK [reset|silence]        the next reply is lost after the server gave it
    duplicate LINK [MILLISECONDS]    the next request reaches the server twice
    truncate LINK BYTES              the next response ends after so many bytes
    corrupt LINK BYTE                one bit of this byte of the next response's body is wrong
    replace LINK KIND [SECONDS]      portalRedirect, portalPage, badGateway, tooManyRequests or unavailable instead of
                                     the next answer, with this Retry-After
    counters                         prints the counters
    stop                             ends the proxy
    """

  /// Understands a line.
  ///
  /// - Throws: ``ProxyError`` with what was expected.
  public init(parsing line: String) throws(ProxyError) {
    let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" }).map(String.init)
    func refuse(_ expected: String) -> ProxyError {
      ProxyError(code: .badCommand, message: "“\(line)” is not understood; expected \(expected).")
    }
    func number(_ index: Int, or fallback: Int?) throws(ProxyError) -> Int {
      guard words.count > index else {
        guard let fallback else { throw refuse("a number as word \(index + 1)") }
        return fallback
      }
      guard let value = Int(words[index]), (0...ProxyLimits.longestMilliseconds).contains(value) else {
        throw refuse("a number from 0 to \(ProxyLimits.longestMilliseconds) as word \(index + 1)")
      }
      return value
    }
    func word<Value: RawRepresentable & CaseIterable>(
      _ index: Int, or fallback: Value?
    ) throws(ProxyError) -> Value where Value.RawValue == String {
      if words.count <= index, let fallback { return fallback }
      guard words.count > index, let value = Value(rawValue: words[index]) else {
        throw refuse("\(Value.allCases.map(\.rawValue).joined(separator: ", ")) as word \(index + 1)")
      }
      return value
    }
    guard let verb = words.first else { throw refuse("a command") }
    let longest = ["open": 3, "close": 3, "faults": 3, "lose": 3, "duplicate": 3, "truncate": 3, "corrupt": 3]
    let limit = verb == "replace" ? 4 : verb == "counters" || verb == "stop" ? 1 : longest[verb] ?? 2
    guard words.count <= limit else { throw refuse("at most \(limit) words") }
    if verb == "counters" || verb == "stop" {
      self = verb == "stop" ? .stop : .counters
      return
    }
    let verbs = ["up", "down", "cut", "replace"] + longest.keys
    guard verbs.contains(verb) else {
      throw refuse((verbs + ["counters", "stop"]).sorted().joined(separator: ", "))
    }
    guard words.count > 1 else { throw refuse("the name of a link, or *, as word 2") }
    let target = words[1] == "*" ? Target.all : .link(words[1])
    switch verb {
    case "up", "down": self = .setNetwork(target, up: verb == "up")
    case "open", "close": self = .setDirection(target, try word(2, or: nil), up: verb == "open")
    case "faults":
      guard words.count > 2, words[2] == "on" || words[2] == "off" else { throw refuse("on or off as word 3") }
      self = .setFaults(target, enabled: words[2] == "on")
    case "lose": self = .arm(target, .loseReply(try word(2, or: .reset)))
    case "duplicate": self = .arm(target, .duplicate(delayMilliseconds: try number(2, or: 0)))
    case "truncate": self = .arm(target, .truncate(afterBytes: try number(2, or: nil)))
    case "corrupt": self = .arm(target, .corrupt(bodyByte: try number(2, or: nil)))
    case "replace": self = .arm(target, .replace(try word(2, or: nil), retryAfterSeconds: try number(3, or: 5)))
    default: self = .cut(target)
    }
  }
}

extension ProxyEngine {
  /// Carries out a line that is about links; `counters` and `stop` are the caller's to answer.
  public func perform(_ line: ProxyControlLine) throws(ProxyError) {
    switch line {
    case .setNetwork(let target, let up):
      for name in try names(target) { try setLink(name, up: up) }
    case .setDirection(let target, let direction, let up):
      for name in try names(target) { try setLink(name, direction, up: up) }
    case .setFaults(let target, let enabled):
      for name in try names(target) { try setFaults(name, enabled: enabled) }
    case .cut(let target):
      for name in try names(target) { try cut(name) }
    case .arm(let target, let fault):
      for name in try names(target) { try arm(fault, on: name) }
    case .counters, .stop:
      return
    }
  }

  private func names(_ target: ProxyControlLine.Target) throws(ProxyError) -> [String] {
    switch target {
    case .all: return links.map(\.name)
    case .link(let name): return [links[try index(of: name)].name]
    }
  }
}
