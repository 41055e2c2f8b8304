import NIOPosix

/// Threads for what an operator's command computes at length: scrypt of a roster, sealing of a paper.
final class OperatorWorkers: Sendable {
  private let pool: NIOThreadPool

  init(threads: Int = 2) {
    pool = NIOThreadPool(numberOfThreads: threads)
    pool.start()
  }

  func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await pool.runIfActive(work)
  }

  func stop() {
    pool.shutdownGracefully { _ in }
  }
}
