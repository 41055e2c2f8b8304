import Foundation

/// Looks for every deliberate fault, each in a process of its own, so that a crash is told from a catch.
public struct PlantedCampaign: Sendable {
  private let command: String
  private let arguments: [String]
  private let threads: Int

  /// - Parameters:
  ///   - command: this program.
  ///   - arguments: of each hunt, after the name.
  public init(command: String, arguments: [String], threads: Int) {
    self.command = command
    self.arguments = arguments
    self.threads = max(1, threads)
  }

  /// - Parameter report: called with each result as it comes, from any thread, one at a time.
  /// - Returns: the results in the order of the names.
  public func run(_ bugs: [String], report: @escaping @Sendable (PlantedCatch) -> Void) -> [PlantedCatch] {
    let board = PlantedBoard(bugs)
    let group = DispatchGroup()
    for _ in 0..<min(threads, bugs.count) {
      group.enter()
      Thread.detachNewThread {
        while let bug = board.next() {
          let result = hunt(bug)
          board.take(result, report)
        }
        group.leave()
      }
    }
    group.wait()
    return board.results
  }

  private func hunt(_ bug: String) -> PlantedCatch {
    let began = Date()
    var missed = PlantedCatch(bug: bug, loss: "", runs: 0, seconds: 0, isCleanWithout: false)
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: command)
    process.arguments = ["planted", "--one", bug] + arguments
    process.standardOutput = output
    do {
      try process.run()
      let bytes = output.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      if let result = try? JSONDecoder().decode(PlantedCatch.self, from: bytes) { return result }
      missed.lane = "its process ended with \(process.terminationStatus) and gave no result"
    } catch {
      missed.lane = "its process could not be started: \(error)"
    }
    missed.seconds = Date().timeIntervalSince(began)
    return missed
  }

  /// One line for a person.
  public static func line(_ result: PlantedCatch) -> String {
    let seconds = String(format: "%.1f s", result.seconds)
    guard result.isCaught, let found = result.found else {
      let why = result.found.map { "also found without it: \($0)" } ?? result.lane ?? "nothing was found"
      return "MISSED \(result.bug) after \(result.runs) runs, \(seconds): \(why)"
    }
    var text = "caught \(result.bug) by \(found.prefix(100)) in \(result.runs) runs, \(seconds) (\(result.lane ?? ""))"
    if let before = result.choices, let after = result.choicesAfterShrinking {
      text += ", \(before) → \(after) choices"
    }
    return text
  }

  /// The most choices that the median of the smaller plans may have, so that a person can read them.
  static let medianOfChoices = 30

  /// Whether shrinking did what it is for; true where nothing was shrunk.
  public static func areSmall(_ results: [PlantedCatch]) -> Bool {
    median(of: results.compactMap(\.choicesAfterShrinking)).map { $0 <= medianOfChoices } ?? true
  }

  /// The last lines of a campaign.
  public static func summary(_ results: [PlantedCatch]) -> String {
    let caught = results.filter(\.isCaught)
    let origins = caught.count { $0.origin != nil }
    let shrunk = results.compactMap(\.choicesAfterShrinking)
    var text = "\(caught.count) of \(results.count) planted bugs caught, \(origins) of them published failures"
    if let middle = median(of: shrunk), let most = shrunk.max() {
      text += "; median \(middle) choices after shrinking (\(shrunk.count) plans, most \(most))"
    }
    let seconds = caught.map(\.seconds)
    if let middle = median(of: seconds), let last = seconds.max() {
      text += String(format: "; median %.1f s to the catch, longest %.1f s", middle, last)
    }
    return text
  }

  /// The upper one where there are two in the middle; `nil` of nothing.
  private static func median<Value: Comparable>(of values: [Value]) -> Value? {
    values.isEmpty ? nil : values.sorted()[values.count / 2]
  }
}

/// What the threads of a campaign share.
///
/// `@unchecked Sendable`: everything is read and written under the lock.
private final class PlantedBoard: @unchecked Sendable {
  private let lock = NSLock()
  private let bugs: [String]
  private var place = 0
  private var found: [String: PlantedCatch] = [:]

  init(_ bugs: [String]) {
    self.bugs = bugs
  }

  func next() -> String? {
    lock.withLock {
      guard place < bugs.count else { return nil }
      place += 1
      return bugs[place - 1]
    }
  }

  func take(_ result: PlantedCatch, _ report: (PlantedCatch) -> Void) {
    lock.withLock {
      found[result.bug] = result
      report(result)
    }
  }

  var results: [PlantedCatch] { lock.withLock { bugs.compactMap { found[$0] } } }
}
