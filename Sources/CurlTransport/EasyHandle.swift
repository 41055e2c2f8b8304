import CCurl

/// A libcurl easy handle and the memory that must live as long as it does.
///
/// Confined to the transport's thread. libcurl copies strings and bodies (`CURLOPT_COPYPOSTFIELDS`), but not the
/// header list and the error buffer.
final class EasyHandle {
  let pointer: UnsafeMutableRawPointer
  private var headerList: UnsafeMutablePointer<curl_slist>?
  private let errorBuffer: UnsafeMutablePointer<CChar>

  init() throws(TransportError) {
    guard let pointer = curl_easy_init() else {
      throw TransportError.outOfResources("No memory for a request to the server")
    }
    self.pointer = pointer
    errorBuffer = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorBuffer.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    curl_easy_cleanup(pointer)
    curl_slist_free_all(headerList)
    errorBuffer.deallocate()
  }

  /// libcurl's own words about what failed, or an empty string.
  var errorDetail: String { String(cString: errorBuffer) }

  func number(_ info: CURLINFO) -> Int {
    var value = 0
    return examsync_curl_getinfo_long(pointer, info, &value) == CURLE_OK ? value : 0
  }

  func offset(_ info: CURLINFO) -> Int64 {
    var value: curl_off_t = 0
    return examsync_curl_getinfo_off_t(pointer, info, &value) == CURLE_OK ? Int64(value) : 0
  }

  func string(_ info: CURLINFO) -> String? {
    var value: UnsafePointer<CChar>?
    guard examsync_curl_getinfo_string(pointer, info, &value) == CURLE_OK, let value else { return nil }
    return String(cString: value)
  }

  /// The socket of the connection that was used, if it is still open. Known only when the request is done.
  var lastSocket: curl_socket_t? {
    var value: curl_socket_t = -1
    guard examsync_curl_getinfo_socket(pointer, CURLINFO_ACTIVESOCKET, &value) == CURLE_OK, value >= 0 else {
      return nil
    }
    return value
  }

  /// Makes the next start of this handle open a connection of its own.
  func useNewConnection() throws(TransportError) {
    try set(CURLOPT_FRESH_CONNECT, 1)
  }

  private func check(_ result: CURLcode, _ option: CURLoption) throws(TransportError) {
    guard result == CURLE_OK else {
      let words = String(cString: curl_easy_strerror(result))
      throw TransportError(
        .outOfResources, "libcurl refused its option \(option.rawValue) (\(words)). Install libcurl 7.85 or later.",
        curlCode: Int(result.rawValue))
    }
  }

  private func set(_ option: CURLoption, _ value: Int) throws(TransportError) {
    try check(examsync_curl_setopt_long(pointer, option, value), option)
  }

  private func set(_ option: CURLoption, string value: String?) throws(TransportError) {
    try check(examsync_curl_setopt_string(pointer, option, value), option)
  }

  private func set(_ option: CURLoption, pointer value: UnsafeMutableRawPointer?) throws(TransportError) {
    try check(examsync_curl_setopt_pointer(pointer, option, value), option)
  }
}

extension EasyHandle {
  /// Sets everything `request` needs. `context` comes back in every callback and from ``context(of:)``.
  func configure(
    _ request: HTTPRequest, options: TransportOptions, share: UnsafeMutableRawPointer,
    context: UnsafeMutableRawPointer
  ) throws(TransportError) {
    try set(CURLOPT_ERRORBUFFER, pointer: errorBuffer)
    try set(CURLOPT_SHARE, pointer: share)
    try setRules(options)
    try setTrust(options)
    try set(CURLOPT_URL, string: request.url)
    try set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeoutMilliseconds)
    try setMethodAndBody(request)
    try setHeaders(request)
    try setCallbacks(context)
  }

  static func context(of easy: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    var context: UnsafeMutableRawPointer?
    return examsync_curl_getinfo_pointer(easy, CURLINFO_PRIVATE, &context) == CURLE_OK ? context : nil
  }

  private func setRules(_ options: TransportOptions) throws(TransportError) {
    try set(CURLOPT_NOSIGNAL, 1)
    // Without it, giving up a name look-up waits for the system's resolver, and everybody else with it.
    try set(CURLOPT_QUICK_EXIT, 1)
    try set(CURLOPT_PROTOCOLS_STR, string: "http,https")
    try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    try set(CURLOPT_FOLLOWLOCATION, 0)
    try set(CURLOPT_HTTP09_ALLOWED, 0)
    try set(CURLOPT_HTTP_CONTENT_DECODING, 0)
    // Requests are signed over their path: it must arrive as it was signed.
    try set(CURLOPT_PATH_AS_IS, 1)
    // User and password in a URL would become an Authorization header.
    try set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
    try set(CURLOPT_TCP_KEEPALIVE, 1)
    try set(CURLOPT_TCP_KEEPIDLE, TransportLimits.keepaliveIdleSeconds)
    try set(CURLOPT_TCP_KEEPINTVL, TransportLimits.keepaliveIntervalSeconds)
    try set(CURLOPT_MAXAGE_CONN, options.idleConnectionLifetimeSeconds)
    switch options.proxy {
    case .direct: try set(CURLOPT_PROXY, string: "")
    case .environment: break
    case .url(let url): try set(CURLOPT_PROXY, string: url)
    }
  }

  private func setTrust(_ options: TransportOptions) throws(TransportError) {
    try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    try set(CURLOPT_SSL_VERIFYPEER, 1)
    try set(CURLOPT_SSL_VERIFYHOST, 2)
    if let file = options.certificateAuthorityFile {
      try set(CURLOPT_CAINFO, string: file)
      // The system's directory would be trusted as well.
      try set(CURLOPT_CAPATH, string: nil)
    }
    if let pin = options.pinnedPublicKey { try set(CURLOPT_PINNEDPUBLICKEY, string: pin) }
  }

  private func setMethodAndBody(_ request: HTTPRequest) throws(TransportError) {
    switch request.method {
    case .get: try set(CURLOPT_HTTPGET, 1)
    case .head: try set(CURLOPT_NOBODY, 1)
    case .delete where request.body.isEmpty:
      try set(CURLOPT_HTTPGET, 1)
      try set(CURLOPT_CUSTOMREQUEST, string: request.method.rawValue)
    case .post, .put, .patch, .delete:
      try set(CURLOPT_POST, 1)
      if request.method != .post { try set(CURLOPT_CUSTOMREQUEST, string: request.method.rawValue) }
      try setBody(request.body)
    }
  }

  private func setBody(_ body: [UInt8]) throws(TransportError) {
    let size = examsync_curl_setopt_off_t(pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
    try check(size, CURLOPT_POSTFIELDSIZE_LARGE)
    let copied = body.withUnsafeBytes { bytes in
      examsync_curl_setopt_pointer(
        pointer, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
    try check(copied, CURLOPT_COPYPOSTFIELDS)
  }

  private func setHeaders(_ request: HTTPRequest) throws(TransportError) {
    // A name and a colon takes a header of libcurl's own away; a name and a semicolon sends it empty.
    var lines = request.headers.fields.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
    lines.append("Expect:")
    for name in ["Accept", "Content-Type", "User-Agent"] where !request.headers.contains(name) {
      lines.append("\(name):")
    }
    for line in lines {
      guard let longer = curl_slist_append(headerList, line) else {
        throw TransportError.outOfResources("No memory for a request to the server")
      }
      headerList = longer
    }
    try set(CURLOPT_HTTPHEADER, pointer: headerList)
  }

  private func setCallbacks(_ context: UnsafeMutableRawPointer) throws(TransportError) {
    try set(CURLOPT_PRIVATE, pointer: context)
    try set(CURLOPT_HEADERDATA, pointer: context)
    try set(CURLOPT_WRITEDATA, pointer: context)
    try set(CURLOPT_XFERINFODATA, pointer: context)
    try set(CURLOPT_PREREQDATA, pointer: context)
    try set(CURLOPT_DEBUGDATA, pointer: context)
    try set(CURLOPT_NOPROGRESS, 0)
    // libcurl's totals count a body that leaves with its head twice; what it traces is exact.
    try set(CURLOPT_VERBOSE, 1)
    try check(examsync_curl_setopt_debug(pointer, onTrace), CURLOPT_DEBUGFUNCTION)
    try check(examsync_curl_setopt_callback(pointer, CURLOPT_HEADERFUNCTION, onHeaderLine), CURLOPT_HEADERFUNCTION)
    try check(examsync_curl_setopt_callback(pointer, CURLOPT_WRITEFUNCTION, onBody), CURLOPT_WRITEFUNCTION)
    try check(examsync_curl_setopt_progress(pointer, onProgress), CURLOPT_XFERINFOFUNCTION)
    try check(examsync_curl_setopt_prerequest(pointer, onConnected), CURLOPT_PREREQFUNCTION)
    try check(examsync_curl_setopt_socket(pointer, onSocket), CURLOPT_SOCKOPTFUNCTION)
  }
}
