import Foundation

/// What `exam-lab proxy` is to do, from a file, from arguments, or both.
public struct ProxyCommandConfiguration: Codable, Equatable, Sendable {
  public var upstream: ProxyAddress
  public var seed: UInt64
  public var links: [LinkConfiguration]

  public init(upstream: ProxyAddress, seed: UInt64, links: [LinkConfiguration]) {
    self.upstream = upstream
    self.seed = seed
    self.links = links
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case upstream, seed, links
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
    do {
      upstream = try ProxyAddress(parsing: fields.decode(String.self, forKey: .upstream), field: "upstream")
    } catch let error as ProxyError {
      throw DecodingError.dataCorruptedError(forKey: .upstream, in: fields, debugDescription: error.message)
    }
    seed = try fields.value(.seed, or: 1)
    links = try fields.decode([LinkConfiguration].self, forKey: .links)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(upstream.description, forKey: .upstream)
    try fields.encode(seed, forKey: .seed)
    try fields.encode(links, forKey: .links)
  }

  /// Reads the JSON form: `{"upstream": "127.0.0.1:8080", "seed": 7, "links": [{"name": "phone-01", "listenPort":
  /// 9001, "profile": "lte"}]}`. A profile is a name or an object; what is left out has no fault. Paths of traces are
  /// relative to the working directory.
  ///
  /// - Throws: ``ProxyError`` with the field that cannot be understood.
  public init(json: some Sequence<UInt8>) throws(ProxyError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(json))
    } catch let error as DecodingError {
      throw Self.refusal(error)
    } catch {
      throw ProxyError(code: .badConfiguration, message: "the configuration cannot be read: \(error)")
    }
  }

  /// Puts together what the command line says.
  ///
  /// - Parameters:
  ///   - file: a configuration in JSON; the other parameters come on top of it.
  ///   - upstream: `host:port`; needed if there is no file.
  ///   - links: as in ``link(parsing:field:)``; added to the file's.
  ///   - seed: instead of the file's; 1 if neither says.
  public static func assemble(
    file: String? = nil, upstream: String? = nil, links: [String] = [], seed: UInt64? = nil
  ) throws(ProxyError) -> ProxyCommandConfiguration {
    var fromFile: ProxyCommandConfiguration?
    if let file {
      guard let bytes = FileManager.default.contents(atPath: file) else {
        throw ProxyCheck.refuse("file", "\(file) cannot be read; name a file that exists.")
      }
      fromFile = try ProxyCommandConfiguration(json: bytes)
    }
    var address = fromFile?.upstream
    if let upstream { address = try ProxyAddress(parsing: upstream, field: "upstream") }
    guard let address else {
      throw ProxyCheck.refuse("upstream", "say where the server listens, such as 127.0.0.1:8080.")
    }
    var all = fromFile?.links ?? []
    for (index, text) in links.enumerated() { all.append(try link(parsing: text, field: "link \(index + 1)")) }
    return ProxyCommandConfiguration(upstream: address, seed: seed ?? fromFile?.seed ?? 1, links: all)
  }

  /// Understands `NAME=PORT[,PROFILE][,seed=N][,framing=http|bytes]`, such as `phone-01=9001,3g-dead,seed=4`.
  public static func link(parsing text: String, field: String) throws(ProxyError) -> LinkConfiguration {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    let nameAndPort = parts[0].split(separator: "=", maxSplits: 1).map(String.init)
    guard nameAndPort.count == 2, let port = Int(nameAndPort[1]) else {
      throw ProxyCheck.refuse(field, "“\(text)” is no NAME=PORT[,PROFILE][,seed=N][,framing=http|bytes].")
    }
    var link = LinkConfiguration(name: nameAndPort[0], listenPort: port)
    for part in parts.dropFirst() {
      let option = part.split(separator: "=", maxSplits: 1).map(String.init)
      switch (option.first, option.count) {
      case ("seed", 2):
        guard let seed = UInt64(option[1]) else {
          throw ProxyCheck.refuse("\(field).seed", "“\(option[1])” is no whole number from 0 up.")
        }
        link.seed = seed
      case ("framing", 2):
        guard let framing = LinkConfiguration.Framing(rawValue: option[1]) else {
          throw ProxyCheck.refuse("\(field).framing", "“\(option[1])” is neither http nor bytes.")
        }
        link.framing = framing
      default:
        link.profile = try LinkProfile.find(part, field: "\(field).profile")
      }
    }
    return link
  }

  private static func refusal(_ error: DecodingError) -> ProxyError {
    let context: DecodingError.Context
    let path: [any CodingKey]
    switch error {
    case .keyNotFound(let key, let missing):
      context = missing
      path = missing.codingPath + [key]
    case .typeMismatch(_, let other), .valueNotFound(_, let other), .dataCorrupted(let other):
      context = other
      path = other.codingPath
    @unknown default:
      return ProxyError(code: .badConfiguration, message: "the configuration cannot be read: \(error)")
    }
    var field = ""
    for key in path {
      if let index = key.intValue {
        field += "[\(index)]"
      } else {
        field += (field.isEmpty ? "" : ".") + key.stringValue
      }
    }
    return ProxyError(
      code: .badConfiguration, field: field.isEmpty ? nil : field, message: context.debugDescription)
  }
}
