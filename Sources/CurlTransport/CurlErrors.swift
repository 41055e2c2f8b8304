import CCurl

extension TransportError {
  /// What libcurl's result means for whoever waits for the response.
  ///
  /// - Parameters:
  ///   - detail: libcurl's own words.
  ///   - hasConnected: whether the request had a connection when it failed: some codes mean one thing before
  ///     and another after.
  ///   - systemError: the `errno` libcurl met, 0 if none.
  init(curl result: CURLcode, detail: String, hasConnected: Bool, systemError: Int) {
    let code = TransportError.code(of: result, detail: detail, hasConnected: hasConnected, systemError: systemError)
    let words = detail.isEmpty ? String(cString: curl_easy_strerror(result)) : detail
    self.init(code, "\(TransportError.advice(for: code)) (\(words))", curlCode: Int(result.rawValue))
  }

  private static func code(
    of result: CURLcode, detail: String, hasConnected: Bool, systemError: Int
  ) -> Code {
    switch result {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .couldNotResolve
    case CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED: .couldNotConnect
    // Only the connect time-out is given to libcurl; the others are the loop's.
    case CURLE_OPERATION_TIMEDOUT: .connectTimedOut
    // A broken chunk header has the code of a broken connection; only one of them has an errno.
    case CURLE_RECV_ERROR: systemError == 0 && detail.contains("chunk") ? .malformedResponse : .reset
    case CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_SEND_FAIL_REWIND: .reset
    case CURLE_PARTIAL_FILE: .truncated
    // After a connection it means a reply without a status line.
    case CURLE_UNSUPPORTED_PROTOCOL: hasConnected ? .malformedResponse : .invalidRequest
    case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING: .malformedResponse
    case CURLE_URL_MALFORMAT, CURLE_LOGIN_DENIED: .invalidRequest
    case CURLE_FILESIZE_EXCEEDED: .responseTooLarge
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS,
      CURLE_SSL_ISSUER_ERROR:
      .serverNotTrusted
    case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
      CURLE_SSL_CRL_BADFILE, CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED,
      CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED, CURLE_SSL_CLIENTCERT:
      .tls
    default: .outOfResources
    }
  }

  private static func advice(for code: Code) -> String {
    switch code {
    case .couldNotResolve: "The server's name was not found. Check the network and the server address."
    case .couldNotConnect: "The server cannot be reached. Check the network, and that the server runs."
    case .connectTimedOut: "The server did not answer the call in time. Check the network, and that the server runs."
    case .reset: "The connection to the server broke. It is safe to try again."
    case .truncated: "The connection ended before the response did. It is safe to try again."
    case .malformedResponse:
      "What answered is not an HTTP server. Check the address, and that no log-in page of the network stands in "
        + "between."
    case .invalidRequest: "The request cannot be sent. Check the server address."
    case .responseTooLarge: "The response is too long. Check that the address is that of an exam server."
    case .serverNotTrusted:
      "This device does not trust the server that answered. Check the clock and the server card, and do not log in."
    case .tls: "No secure connection could be made. Try again; if it stays so, try another network."
    default: "The device could not carry out the request. Close other programs and try again."
    }
  }
}
