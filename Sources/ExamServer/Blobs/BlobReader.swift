import ExamModel
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import SyncProtocol

/// Reads blobs on a few threads of its own, so that a slow disk never holds an event loop.
final class BlobReader: Sendable {
  struct Part: Sendable {
    var bytes: [UInt8]
    var range: Range<Int>
    var length: Int
    var isWhole: Bool
  }

  /// Why nothing is sent.
  struct Refusal: Error {
    var problem: Problem
    /// Of the whole blob, where only the range is wrong.
    var length: Int?

    init(_ problem: Problem, length: Int? = nil) {
      self.problem = problem
      self.length = length
    }
  }

  private let store: BlobStore
  private let pool: NIOThreadPool
  private let queued = NIOLockedValueBox(0)
  private let limit: Int

  init(store: BlobStore, threads: Int, queue: Int) {
    self.store = store
    limit = queue
    pool = NIOThreadPool(numberOfThreads: threads)
    pool.start()
  }

  /// - Parameter completion: called on a reader thread.
  func read(_ digest: Digest256, range: String?, completion: @escaping @Sendable (Result<Part, Refusal>) -> Void) {
    let isAdmitted = queued.withLockedValue { queued in
      guard queued < limit else { return false }
      queued += 1
      return true
    }
    guard isAdmitted else {
      return completion(
        .failure(Refusal(Problem(.busy, "Too many papers are being fetched. Come again.", retryAfterSeconds: 2))))
    }
    pool.submit { state in
      self.queued.withLockedValue { $0 -= 1 }
      guard case .active = state else {
        return completion(
          .failure(Refusal(Problem(.shuttingDown, "The server is stopping.", retryAfterSeconds: 5))))
      }
      completion(self.readNow(digest, range: range))
    }
  }

  func stop() {
    pool.shutdownGracefully { _ in }
  }

  private func readNow(_ digest: Digest256, range: String?) -> Result<Part, Refusal> {
    guard let length = store.length(digest) else {
      return .failure(Refusal(Problem(.notFound, "There is no such blob here.")))
    }
    var part = 0..<length
    switch ByteRange.read(range, length: length) {
    case .whole: break
    case .part(let wanted): part = wanted
    case .unsatisfiable:
      return .failure(
        Refusal(
          Problem(.rangeNotSatisfiable, "The blob has \(length) bytes: ask for a range inside it."), length: length))
    }
    do {
      guard let bytes = try store.read(digest, part), bytes.count == part.count else {
        return .failure(Refusal(Problem(.notFound, "There is no such blob here.")))
      }
      return .success(Part(bytes: bytes, range: part, length: length, isWhole: part.count == length))
    } catch {
      return .failure(Refusal(Problem(.storageFailed, "The blob cannot be read: \(error)")))
    }
  }
}
