/// What every request of one transport has in common.
public struct TransportOptions: Sendable, Hashable {
  /// Where a request goes before it goes to the server.
  public enum Proxy: Sendable, Hashable {
    /// Straight to the server; `http_proxy` and its kin in the environment are ignored.
    case direct
    /// What `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` in the environment say.
    case environment
    /// This proxy, as `http://host:port`.
    case url(String)
  }

  /// PEM file with the only certificate authorities to trust; nil trusts the system's.
  public var certificateAuthorityFile: String?

  /// The server's public key as `sha256//` and the base64 of the SHA-256 of its SubjectPublicKeyInfo;
  /// several are separated by `;`. Checked in addition to the certificate. RFC 7469 describes the hash.
  public var pinnedPublicKey: String?

  public var proxy: Proxy

  /// How many connections without a request are kept open, 1 to 1,000.
  public var idleConnectionLimit: Int

  /// How long a connection without a request stays usable, in seconds, 1 to 86,400. Less than the
  /// server's own limit spares a failed attempt on a connection that the server has already closed.
  public var idleConnectionLifetimeSeconds: Int

  public init(
    certificateAuthorityFile: String? = nil,
    pinnedPublicKey: String? = nil,
    proxy: Proxy = .direct,
    idleConnectionLimit: Int = 8,
    idleConnectionLifetimeSeconds: Int = 100
  ) {
    self.certificateAuthorityFile = certificateAuthorityFile
    self.pinnedPublicKey = pinnedPublicKey
    self.proxy = proxy
    self.idleConnectionLimit = idleConnectionLimit
    self.idleConnectionLifetimeSeconds = idleConnectionLifetimeSeconds
  }
}

/// Every limit of the transport, in one place.
public enum TransportLimits {
  /// Longest URL, in bytes.
  public static let urlBytes = 8_192
  /// Most bytes of status lines and header fields (trailers included) in one response.
  public static let responseHeaderBytes = 16_384
  /// Most header fields (trailers included) in one response.
  public static let responseHeaderCount = 100
  /// Longest response body unless the request says otherwise, in bytes.
  public static let defaultBodyBytes = 1_048_576
  /// Longest body of a response other than 2xx whose request wanted its body streamed, in bytes.
  public static let refusalBodyBytes = 65_536
  /// Longest time-out of any kind, in milliseconds: a day.
  public static let timeoutMilliseconds = 86_400_000
  /// Most idle connections that options may ask for.
  public static let idleConnectionCount = 1_000
  /// Silence on a connection after which TCP asks whether the other side is there, in seconds.
  public static let keepaliveIdleSeconds = 30
  /// Time between such questions, in seconds.
  public static let keepaliveIntervalSeconds = 15
}

extension TransportOptions {
  /// Refuses options that could only fail later, request by request.
  func validate() throws(TransportError) {
    func refuse(_ message: String) -> TransportError { TransportError(.invalidOptions, message) }
    guard (1...TransportLimits.idleConnectionCount).contains(idleConnectionLimit) else {
      throw refuse("idleConnectionLimit is \(idleConnectionLimit); give a number from 1 to 1,000.")
    }
    guard (1...86_400).contains(idleConnectionLifetimeSeconds) else {
      throw refuse(
        "idleConnectionLifetimeSeconds is \(idleConnectionLifetimeSeconds); give a number from 1 to 86,400.")
    }
    if let pin = pinnedPublicKey {
      // libcurl takes anything without the prefix for the name of a file.
      let isValid = pin.split(separator: ";", omittingEmptySubsequences: false).allSatisfy(isPin)
      guard isValid else {
        throw refuse(
          "The pinned public key \"\(pin)\" is not sha256// followed by 44 characters of base64. "
            + "Copy it from the server card again.")
      }
    }
    if let file = certificateAuthorityFile, !isReadableFile(file) {
      throw refuse("The certificate file \(file) cannot be read. Check the path and its permissions.")
    }
    if case .url(let url) = proxy, !isPlainURL(url) {
      throw refuse("The proxy \"\(url)\" is not an address such as http://proxy.example:3128.")
    }
  }

  private func isPin(_ text: Substring) -> Bool {
    let prefix = "sha256//"
    guard text.hasPrefix(prefix) else { return false }
    let digest = Array(text.utf8.dropFirst(prefix.utf8.count))
    guard digest.count == 44, digest.last == UInt8(ascii: "=") else { return false }
    return digest.dropLast().allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
        true
      default: false
      }
    }
  }
}

/// Whether `url` begins with http:// or https://, is not too long, and has only visible ASCII.
func isPlainURL(_ url: String) -> Bool {
  let lowercased = url.prefix(8).lowercased()
  guard lowercased.hasPrefix("http://") || lowercased.hasPrefix("https://") else { return false }
  return url.utf8.count <= TransportLimits.urlBytes && url.utf8.allSatisfy { (0x21...0x7e).contains($0) }
}
