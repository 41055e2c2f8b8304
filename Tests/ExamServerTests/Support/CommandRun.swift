import Foundation

/// What a command that was run to its end printed.
struct CommandRun: Sendable {
  var status: Int32
  var lines: [String]
  var errors: String

  /// Runs a command on a thread of its own, so that waiting for it holds up no other test. One that does not
  /// end within minutes is killed.
  static func run(_ binary: String, _ arguments: [String]) async throws -> CommandRun {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result { try wait(binary, arguments) }) }
    }
  }

  /// The rest of the first line that begins with `name` and a colon.
  func value(_ name: String) -> String? {
    lines.first { $0.hasPrefix("\(name): ") }.map { String($0.dropFirst(name.count + 2)) }
  }

  private static func wait(_ binary: String, _ arguments: [String]) throws -> CommandRun {
    let (process, output, errors) = (Process(), Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: binary)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let last = ChildEnd.killing(process, afterSeconds: 240)
    defer { last.cancel() }
    // A command says little on standard error, so reading one pipe after the other cannot block it.
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    let complained = try errors.fileHandleForReading.readToEnd() ?? Data()
    return CommandRun(
      status: ChildEnd.wait(for: process),
      lines: String(decoding: printed, as: UTF8.self).split(separator: "\n").map(String.init),
      errors: String(decoding: complained, as: UTF8.self))
  }
}
