import ExamModel
import NIOCore
import NIOHTTP1
import SyncProtocol

/// `GET /v1/blobs/<digest>`: public, immutable, by Range, for any cache on the way.
extension DeviceConnection {
  func handleBlob(_ digest: Digest256, _ request: ReceivedRequest) {
    let tag = "\"\(digest.hex)\""
    if request.head.headers.first(name: "if-none-match") == tag { return sendNotModified(tag) }
    // A range with an If-Range that names other bytes is a range of something else: the whole is sent.
    let condition = request.head.headers.first(name: "if-range")
    let range = condition == nil || condition == tag ? request.head.headers.first(name: "range") : nil
    let number = number
    services.blobs.read(digest, range: range) { result in
      self.loop.eventLoop.execute { self.finishBlob(result, tag: tag, number: number) }
    }
  }

  private func finishBlob(_ result: Result<BlobReader.Part, BlobReader.Refusal>, tag: String, number: UInt64) {
    guard number == self.number, phase == .waiting, let context else { return }
    switch result {
    case .failure(let refusal): fail(refusal.problem, wholeBytes: refusal.length)
    case .success(let part):
      services.metrics.countBlob(bytes: part.bytes.count)
      var buffer = context.channel.allocator.buffer(capacity: 320 + part.bytes.count)
      ResponseBytes.writeStatusLine(part.isWhole ? 200 : 206, to: &buffer)
      buffer.writeStaticString("Content-Length: ")
      ResponseBytes.writeDecimal(part.bytes.count, to: &buffer)
      if !part.isWhole {
        buffer.writeStaticString("\r\nContent-Range: bytes ")
        buffer.writeString("\(part.range.lowerBound)-\(part.range.upperBound - 1)/\(part.length)")
      }
      writeCacheFields(tag, to: &buffer)
      buffer.writeBytes(part.bytes)
      send(buffer)
    }
  }

  private func sendNotModified(_ tag: String) {
    guard let context else { return }
    var buffer = context.channel.allocator.buffer(capacity: 256)
    ResponseBytes.writeStatusLine(304, to: &buffer)
    buffer.moveWriterIndex(to: buffer.writerIndex - 2)
    writeCacheFields(tag, to: &buffer)
    send(buffer)
  }

  private func writeCacheFields(_ tag: String, to buffer: inout ByteBuffer) {
    buffer.writeStaticString("\r\nETag: ")
    buffer.writeString(tag)
    buffer.writeStaticString("\r\nAccept-Ranges: bytes\r\nCache-Control: public, max-age=31536000, immutable")
    buffer.writeStaticString("\r\nContent-Type: application/octet-stream")
    if closesAfterAnswer { buffer.writeStaticString("\r\nConnection: close") }
    buffer.writeStaticString("\r\n\r\n")
  }
}
