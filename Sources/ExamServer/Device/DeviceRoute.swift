import ExamModel
import NIOHTTP1
import SyncProtocol

/// What the device plane answers to.
enum DeviceRoute: Equatable {
  case sync
  case login
  case session
  case join
  case server
  case blob(Digest256)
  /// Reads a body and does nothing: the yardstick of benchmarks, only there with `--bench-endpoint`.
  case nothing

  /// The route of a target in origin form. Its query takes no part in the choice; the MAC covers it.
  static func find(method: HTTPMethod, target: String, offersNothing: Bool) -> Result<DeviceRoute, Refusal> {
    let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }
    for (name, route) in posts where path.elementsEqual(name.utf8) {
      if route == .nothing && !offersNothing { continue }
      return method == .POST ? .success(route) : .failure(wrongMethod("POST"))
    }
    if path.elementsEqual("/v1/server".utf8) {
      return method == .GET ? .success(.server) : .failure(wrongMethod("GET"))
    }
    guard path.starts(with: blobPrefix.utf8) else {
      return .failure(Refusal(.notFound, "There is nothing at this path. Check the address of the server."))
    }
    // The name is data and never a path: exactly 64 hexadecimal digits.
    let name = path.dropFirst(blobPrefix.utf8.count)
    guard name.count == 64, name.allSatisfy(isLowercaseHexadecimal),
      let digest = Digest256(hex: String(decoding: name, as: UTF8.self))
    else { return .failure(Refusal(.notFound, "A blob is named by 64 hexadecimal digits in lower case.")) }
    return method == .GET ? .success(.blob(digest)) : .failure(wrongMethod("GET"))
  }

  /// The greatest body that the route reads, in bytes.
  func bodyLimit(_ limits: DevicePlaneLimits) -> Int {
    switch self {
    case .sync, .nothing: limits.syncBytes
    case .login, .session, .join: limits.identityBytes
    case .server, .blob: 0
    }
  }

  private static let blobPrefix = "/v1/blobs/"
  private static let posts: [(String, DeviceRoute)] = [
    ("/v1/sync", .sync), ("/v1/login", .login), ("/v1/session", .session), ("/v1/join", .join),
    ("/v1/nothing", .nothing),
  ]

  private static func isLowercaseHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }

  private static func wrongMethod(_ allowed: String) -> Refusal {
    Refusal(.methodNotAllowed, "Only \(allowed) is answered at this path.", allow: allowed)
  }
}

/// Why a request is not read to its end.
struct Refusal: Error {
  var problem: Problem
  /// The method that the path answers (RFC 9110, section 15.5.6).
  var allow: String?

  init(_ kind: Problem.Kind, _ detail: String, allow: String? = nil) {
    problem = Problem(kind, detail)
    self.allow = allow
  }
}
