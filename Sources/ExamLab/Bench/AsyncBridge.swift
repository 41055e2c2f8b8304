import Dispatch
import Synchronization

/// Waits on a thread of the lab's own for something asynchronous.
enum AsyncBridge {
  static func wait<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
    let box = Mutex<Result<Value, any Error>?>(nil)
    let semaphore = DispatchSemaphore(value: 0)
    Task {
      let result: Result<Value, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      box.withLock { $0 = result }
      semaphore.signal()
    }
    semaphore.wait()
    guard let result = box.withLock({ $0 }) else { throw RoomError("a task ended without a result") }
    return try result.get()
  }
}
