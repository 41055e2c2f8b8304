package import CurlTransport
package import ExamModel
package import SyncProtocol

/// A session that requests can be authenticated with.
package struct LiveSession: Sendable {
  package var id: ID128
  package var secret: SessionSecret

  /// `nil` for a grant without a usable secret.
  package init?(_ grant: SessionGrant) {
    guard let secret = SessionSecret(grant.secret) else { return nil }
    id = grant.session
    self.secret = secret
  }
}

/// A request of the device plane, ready to be sent, and what is needed to believe its response.
package struct PreparedRequest: Sendable {
  package var request: HTTPRequest
  /// Present on authenticated requests.
  package var proof: Proof?

  package struct Proof: Sendable {
    package var mac: MAC
    package var secret: SessionSecret
  }
}

/// What a response amounts to.
package enum PlaneAnswer: Sendable {
  /// The message, unframed. Its MAC was good, where the request was authenticated.
  case message([UInt8])
  /// The server's refusal, and whether its MAC proves that it is our server's.
  case refused(Problem, isProved: Bool, retryAfterSeconds: Int?)
  /// Nobody that can be believed answered: back off, change nothing.
  case weather(String, retryAfterSeconds: Int?)
}

/// Makes requests of the device plane, and judges responses. No sockets and no decisions.
package struct DevicePlane: Sendable {
  /// Without a slash at the end, such as `http://127.0.0.1:8080`.
  package let address: String

  package init(serverURL: String) {
    var address = serverURL
    while address.hasSuffix("/") { address.removeLast() }
    self.address = address
  }

  /// A framed POST, authenticated if there is a session.
  ///
  /// - Parameters:
  ///   - sentAt: the estimate of server time in milliseconds since 1970; 0 for none.
  ///   - waitMilliseconds: how long the server may hold the answer.
  ///   - deflates: makes the body shorter where it can.
  package func post(
    _ path: String, _ message: [UInt8], session: LiveSession? = nil, sentAt: Int64 = 0, waitMilliseconds: Int64 = 0,
    deflates: Bool = true
  ) -> PreparedRequest {
    let body = BodyFraming.frame(message, deflate: deflates)
    var request = HTTPRequest(
      method: .post, url: address + path, body: body, bodyLimitBytes: Limits.responseBytes,
      progressTimeoutMilliseconds: Int(Limits.progressTimeoutMilliseconds),
      responseDeadlineMilliseconds: Int(waitMilliseconds + Limits.progressTimeoutMilliseconds))
    var proof: PreparedRequest.Proof?
    if let session {
      let sentAt = UInt64(clamping: sentAt)
      let mac = MessageAuthentication.request(
        secret: session.secret, method: "POST", path: path, sentAt: sentAt, body: body)
      let authorization = Authorization(session: session.id, sentAt: sentAt, mac: mac)
      request.headers.append("Authorization", authorization.headerValue)
      proof = PreparedRequest.Proof(mac: mac, secret: session.secret)
    }
    return PreparedRequest(request: request, proof: proof)
  }

  /// A piece of a blob: public, without a session.
  package func blob(
    _ digest: Digest256, range: Range<UInt64>, onBodyChunk: HTTPRequest.BodyChunkReader? = nil
  ) -> HTTPRequest {
    HTTPRequest(
      url: "\(address)/v1/blobs/\(digest.hex)",
      headers: ["Range": "bytes=\(range.lowerBound)-\(range.upperBound - 1)"],
      bodyLimitBytes: Limits.blobBytes, progressTimeoutMilliseconds: Int(Limits.progressTimeoutMilliseconds),
      responseDeadlineMilliseconds: Int(Limits.progressTimeoutMilliseconds), onBodyChunk: onBodyChunk)
  }

  /// Judges a response by its MAC before anything of it is read.
  package func read(_ response: HTTPResponse, to prepared: PreparedRequest) -> PlaneAnswer {
    let retryAfter = Self.retryAfterSeconds(response)
    var isProved = false
    if let proof = prepared.proof {
      let given = response.headers[Authorization.responseHeader].flatMap { Base64URL.decode($0) }.flatMap { MAC($0) }
      let expected = MessageAuthentication.response(
        secret: proof.secret, requestMAC: proof.mac, status: response.status, body: response.body)
      isProved = given?.isEqualInConstantTime(to: expected) ?? false
    }
    if response.status == 200 {
      guard isProved || prepared.proof == nil else {
        return .weather("an answer without our server's MAC", retryAfterSeconds: nil)
      }
      guard let message = try? BodyFraming.unframe(response.body) else {
        return .weather("an answer that is no message", retryAfterSeconds: nil)
      }
      return .message(message)
    }
    if let problem = ProblemReader.read(response) {
      return .refused(problem, isProved: isProved, retryAfterSeconds: retryAfter)
    }
    return .weather("status \(response.status) from somebody else", retryAfterSeconds: retryAfter)
  }

  /// `Retry-After` in seconds (RFC 9110, 10.2.3); dates are not understood and count as none.
  package static func retryAfterSeconds(_ response: HTTPResponse) -> Int? {
    response.headers["retry-after"].flatMap(Int.init).flatMap { $0 >= 0 ? min($0, 86_400) : nil }
  }
}
