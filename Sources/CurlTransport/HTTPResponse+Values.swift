extension HTTPResponse {
  /// A response that no transport brought: what a simulated network gives.
  package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8]) {
    self.init(
      head: HTTPResponseHead(status: status, headers: headers), body: body, bodyByteCount: body.count,
      remoteAddress: nil, timing: Timing(connectMilliseconds: 0, firstByteMilliseconds: 0, totalMilliseconds: 0),
      bytesSent: 0, bytesReceived: body.count, connectionWasReused: true)
  }
}
