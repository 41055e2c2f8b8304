extension WeatherKind {
  /// The bytes of the answer, complete with their framing.
  ///
  /// - Parameters:
  ///   - closes: says that the connection ends after it; the caller then closes.
  ///   - isHead: the request was HEAD, which gets no body.
  func answer(retryAfterSeconds: Int, closes: Bool, isHead: Bool) -> [UInt8] {
    var fields = ["Cache-Control: no-store"]
    let status: String
    let page: String
    switch self {
    case .portalRedirect:
      status = "302 Found"
      fields.append("Location: http://portal.invalid/login")
      page = "<html><head><title>Wi-Fi</title></head><body><a href=\"/login\">Log in</a></body></html>\n"
    case .portalPage:
      status = "200 OK"
      page = "<html><head><title>Wi-Fi</title></head><body><form><input name=\"room\"></form></body></html>\n"
    case .badGateway:
      status = "502 Bad Gateway"
      page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
    case .tooManyRequests:
      status = "429 Too Many Requests"
      fields.append("Retry-After: \(retryAfterSeconds)")
      page = "<html><body><h1>Too many requests</h1></body></html>\n"
    case .unavailable:
      status = "503 Service Unavailable"
      fields.append("Retry-After: \(retryAfterSeconds)")
      page = "<html><body><h1>Service unavailable</h1></body></html>\n"
    }
    fields.append("Content-Type: text/html; charset=utf-8")
    fields.append("Content-Length: \(page.utf8.count)")
    if closes { fields.append("Connection: close") }
    let head = (["HTTP/1.1 \(status)"] + fields).joined(separator: "\r\n") + "\r\n\r\n"
    return Array((head + (isHead ? "" : page)).utf8)
  }
}
