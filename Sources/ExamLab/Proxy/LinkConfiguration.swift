/// One phone's link: where it connects, and what happens to its bytes.
public struct LinkConfiguration: Codable, Equatable, Sendable {
  /// What crosses the link.
  public enum Framing: String, Codable, Sendable {
    /// HTTP/1.1; faults of requests can strike. The server is contacted with the first request.
    case http
    /// Any bytes. The server is contacted as soon as the phone connects.
    case bytes
  }

  /// Unique within the engine; what events and control commands call the link.
  public var name: String
  /// The port of 127.0.0.1 the phone connects to; 0 for any free one.
  public var listenPort: Int
  public var profile: LinkProfile
  /// Decides instead of the engine's seed, if set.
  public var seed: UInt64?
  public var framing: Framing

  public init(
    name: String, listenPort: Int = 0, profile: LinkProfile = .perfect, seed: UInt64? = nil,
    framing: Framing = .http
  ) {
    self.name = name
    self.listenPort = listenPort
    self.profile = profile
    self.seed = seed
    self.framing = framing
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case name, listenPort, profile, seed, framing
  }

  /// Reads a link of a scenario; `profile` is an object or the name of a profile.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    name = try fields.decode(String.self, forKey: .name)
    listenPort = try fields.value(.listenPort, or: 0)
    seed = try fields.decodeIfPresent(UInt64.self, forKey: .seed)
    framing = try fields.value(.framing, or: .http)
    if let named = try? fields.decode(String.self, forKey: .profile) {
      do {
        profile = try LinkProfile.find(named, field: "profile")
      } catch {
        throw DecodingError.dataCorruptedError(forKey: .profile, in: fields, debugDescription: error.message)
      }
    } else {
      profile = try fields.value(.profile, or: .perfect)
    }
  }

  func validate(_ field: String) throws(ProxyError) {
    guard !name.isEmpty, name.utf8.count <= 100, name.utf8.allSatisfy(HTTPHead.isTokenByte), name != "*" else {
      throw ProxyCheck.refuse(
        "\(field).name", "“\(name)” is no name of a link; use up to 100 letters, digits, hyphens and dots.")
    }
    guard (0...65535).contains(listenPort) else {
      throw ProxyCheck.refuse("\(field).listenPort", "\(listenPort) is no port; use 0 to 65535.")
    }
    try profile.validate("\(field).profile")
    guard framing == .http || !profile.faults.needsHTTP else {
      throw ProxyCheck.refuse(
        "\(field).framing", "the profile has faults of requests, which need the framing “http”.")
    }
  }
}
