/// Why the proxy refused its configuration or a control command. Nothing was started or changed.
public struct ProxyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What kind of trouble it is; more may be added.
  public struct Code: Hashable, Sendable, RawRepresentable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A field of the configuration has a value that cannot be used.
    public static let badConfiguration = Code(rawValue: "bad-configuration")
    /// A trace file cannot be read or is no trace.
    public static let badTrace = Code(rawValue: "bad-trace")
    /// A control command names a link that does not exist, or cannot be understood.
    public static let badCommand = Code(rawValue: "bad-command")
    /// The engine was not started, or was stopped.
    public static let notRunning = Code(rawValue: "not-running")
    /// The operating system refused a socket.
    public static let system = Code(rawValue: "system")
  }

  public var code: Code
  /// The configuration field in question, such as `links[3].profile.up.jitterMilliseconds`; nil when there is none.
  public var field: String?
  /// What is wrong and what to do about it, for a person.
  public var message: String

  public init(code: Code, field: String? = nil, message: String) {
    self.code = code
    self.field = field
    self.message = message
  }

  public var description: String {
    guard let field else { return message }
    return "\(field): \(message)"
  }
}
