/// What a test waited for did not come.
struct WaitedInVain: Error, CustomStringConvertible {
  var description: String
}

/// Looks again and again until something is so, and gives up in the end: a test that waits for ever tells nothing, and
/// takes every other test's result with it.
///
/// - Parameters:
///   - what: what is waited for, for the message.
///   - seconds: far more than the slowest machine needs, with all tests at once.
func waitUntil(
  _ what: String, withinSeconds seconds: Int = 300, _ isSo: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while try await !isSo() {
    guard ContinuousClock.now < deadline else {
      throw WaitedInVain(description: "waited \(seconds) seconds in vain until \(what)")
    }
    try Task.checkCancellation()
    await Task.yield()
  }
}
