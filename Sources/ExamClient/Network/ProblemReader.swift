import CurlTransport
import SyncProtocol

import struct Foundation.Data
import class Foundation.JSONDecoder

/// Reads a problem detail (RFC 9457) that is one of this protocol's.
enum ProblemReader {
  private struct Document: Decodable {
    var type: String
    var detail: String?
  }

  static let mediaType = "application/problem+json"
  static let typePrefix = "urn:examsync:problem:"
  /// Longer documents are somebody else's.
  static let documentBytes = 8 * 1024

  /// `nil` for anything but a problem of this protocol: then a proxy, a portal or a stranger answered.
  static func read(_ response: HTTPResponse) -> Problem? {
    guard let mediaType = response.headers["content-type"], mediaType.hasPrefix(Self.mediaType),
      response.body.count <= documentBytes,
      let document = try? JSONDecoder().decode(Document.self, from: Data(response.body)),
      document.type.hasPrefix(typePrefix),
      let kind = Problem.Kind(rawValue: String(document.type.dropFirst(typePrefix.count))),
      Problem(kind, "").status == response.status
    else { return nil }
    return Problem(kind, document.detail ?? "", retryAfterSeconds: DevicePlane.retryAfterSeconds(response))
  }
}
