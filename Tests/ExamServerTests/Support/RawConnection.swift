import Foundation

#if canImport(CDispatch)
  import CDispatch
#endif

#if canImport(Glibc)
  private let noSignal = Int32(MSG_NOSIGNAL)
#else
  private let noSignal: Int32 = 0
#endif

/// A plain TCP connection to loopback: says exactly the bytes it is told, whole or in pieces, and reads answers.
///
/// `@unchecked Sendable`: a test uses one connection from one place at a time.
final class RawConnection: @unchecked Sendable {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private let descriptor: Int32
  private var buffered: [UInt8] = []

  init(port: Int, timeoutSeconds: Int = 300) throws {
    #if canImport(Glibc)
      descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var timeout = timeval()
    timeout.tv_sec = timeoutSeconds
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Failure(description: "could not connect to \(port)") }
  }

  deinit {
    close(descriptor)
  }

  /// Sends everything; `false` once the other side takes no more.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress! + done, bytes.count - done, noSignal)
      }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  @discardableResult
  func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// Nothing more will be said.
  func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Reads one answer; `nil` if the connection ended before it began.
  func receive() async throws -> RawAnswer? {
    try await withCheckedThrowingContinuation { continuation in
      // A thread of its own: a blocking read must never hold one that other tests need.
      Thread { continuation.resume(with: Result { try self.receiveNow() }) }.start()
    }
  }

  /// Whether the other side ended the connection, and nothing else came.
  func isEnded() async -> Bool {
    await withCheckedContinuation { continuation in
      Thread {
        var byte: UInt8 = 0
        let count = recv(self.descriptor, &byte, 1, 0)
        continuation.resume(returning: count == 0 || count < 0 && Self.meansAnEnd(errno))
      }.start()
    }
  }

  /// Anything else, a time-out above all, says nothing about the other side.
  private static func meansAnEnd(_ error: Int32) -> Bool { error == ECONNRESET || error == EPIPE }

  private func receiveNow() throws -> RawAnswer? {
    let separator = Array("\r\n\r\n".utf8)
    while true {
      if let end = buffered.firstRange(of: separator) {
        let head = String(decoding: buffered[..<end.lowerBound], as: UTF8.self)
        var answer = try RawAnswer(head: head)
        if answer.status == 100 {
          buffered.removeFirst(end.upperBound)
          return answer
        }
        let length = answer.status == 304 ? 0 : Int(answer.headers["content-length"] ?? "") ?? 0
        while buffered.count < end.upperBound + length {
          guard try fill() else { throw Failure(description: "the body was cut off") }
        }
        answer.body = Array(buffered[end.upperBound..<end.upperBound + length])
        buffered.removeFirst(end.upperBound + length)
        return answer
      }
      guard try fill() else {
        guard buffered.isEmpty else { throw Failure(description: "the head was cut off") }
        return nil
      }
    }
  }

  private func fill() throws -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count >= 0 || Self.meansAnEnd(errno) else { throw Failure(description: "nothing came: errno \(errno)") }
    guard count > 0 else { return false }
    buffered += chunk[..<count]
    return true
  }
}

/// An answer as it came over the wire.
struct RawAnswer {
  var status: Int
  var headers: [String: String] = [:]
  var body: [UInt8] = []

  init(head: String) throws {
    let lines = head.components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
      throw RawConnection.Failure(description: "no status line: \(lines[0])")
    }
    self.status = status
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
    }
  }

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The kind of the problem detail.
  var problem: String? {
    let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
    return (object?["type"] as? String)?.replacingOccurrences(of: "urn:examsync:problem:", with: "")
  }
}
