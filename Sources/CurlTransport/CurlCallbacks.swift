import CCurl

#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// What libcurl calls while it moves bytes, always on the transport's thread. The context is the exchange, which the
// loop keeps until its easy handle has left the multi handle. A callback may ask libcurl for information, and no
// more.

func onHeaderLine(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let exchange = exchange(context) else { return 0 }
  let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
  return exchange.didReceive(headerLine: line) ? line.count : refusal(of: line.count)
}

func onBody(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let exchange = exchange(context) else { return 0 }
  let chunk = UnsafeRawBufferPointer(start: bytes, count: size * count)
  return exchange.didReceive(body: chunk) ? chunk.count : refusal(of: chunk.count)
}

func onProgress(
  _ context: UnsafeMutableRawPointer?, _ downloadTotal: curl_off_t, _ downloaded: curl_off_t,
  _ uploadTotal: curl_off_t, _ uploaded: curl_off_t
) -> Int32 {
  exchange(context)?.didCount(uploaded: Int64(uploaded), downloaded: Int64(downloaded))
  return 0
}

func onConnected(
  _ context: UnsafeMutableRawPointer?, _ remoteAddress: UnsafeMutablePointer<CChar>?,
  _ localAddress: UnsafeMutablePointer<CChar>?, _ remotePort: Int32, _ localPort: Int32
) -> Int32 {
  guard let exchange = exchange(context) else { return CURL_PREREQFUNC_ABORT }
  let name = ConnectionCache.ConnectionName(
    remoteAddress: remoteAddress.map { String(cString: $0) } ?? "", remotePort: Int(remotePort),
    localPort: Int(localPort))
  return exchange.didConnect(to: name) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}

func onTrace(
  _ easy: UnsafeMutableRawPointer?, _ kind: curl_infotype, _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  switch kind {
  case CURLINFO_HEADER_OUT, CURLINFO_DATA_OUT: exchange(context)?.didSend(byteCount: count)
  case CURLINFO_HEADER_IN, CURLINFO_DATA_IN: exchange(context)?.didRead(byteCount: count)
  default: break
  }
  return 0
}

/// A program this process starts must not hold its connections open.
func onSocket(_ context: UnsafeMutableRawPointer?, _ socket: curl_socket_t, _ purpose: curlsocktype) -> Int32 {
  _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
  return Int32(CURL_SOCKOPT_OK)
}

private func exchange(_ context: UnsafeMutableRawPointer?) -> Exchange? {
  context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
}

/// Whether bytes, or the other side's end, wait to be read.
func hasInput(_ socket: curl_socket_t) -> Bool {
  var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
  return poll(&descriptor, 1, 0) > 0
}

/// libcurl takes any other number than that of the bytes it gave for a failure.
private func refusal(of count: Int) -> Int { count == 0 ? 1 : 0 }
