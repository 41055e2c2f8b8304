import ArgumentParser
import ExamLab
import Foundation

/// Stands between phones and a server as a bad network would.
struct ProxySubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proxy",
    abstract: "Stands between phones and a server as a bad network would: seeded faults on every connection.",
    discussion: """
      Each link is a port of its own for one phone. Events go to standard output, one JSON object a line; lines on \
      standard input change links while it runs, and “stop” or the end of the input ends it.

      Examples:
        exam-lab proxy --upstream 127.0.0.1:8080 --link phone-01=9001,3g-dead --link phone-02=9002,lte,seed=4
        exam-lab proxy --configuration links.json --seed 7

      Exit codes: 0 ended by its input; 2 it could not start, the message says why.
      """)

  @Option(
    name: [.long, .customLong("config")], help: "Links in JSON; the other options come on top.", completion: .file())
  var configuration: String?

  @Option(help: "Where the server listens, such as 127.0.0.1:8080.")
  var upstream: String?

  @Option(name: .customLong("link"), help: "NAME=PORT[,PROFILE][,seed=N][,framing=http|bytes]; may be repeated.")
  var links: [String] = []

  @Option(help: "Everything random comes from it.")
  var seed: UInt64?

  func run() async throws {
    let chosen = self
    let outcome = await withCheckedContinuation { continuation in
      // The proxy blocks on its input, which the cooperative pool must never do.
      Thread.detachNewThread {
        continuation.resume(returning: Result { try chosen.relay() })
      }
    }
    guard case .failure(let error) = outcome else { return }
    FileHandle.standardError.write(Data("exam-lab proxy: \(error)\n".utf8))
    throw ExitCode(2)
  }

  private func relay() throws {
    let assembled = try ProxyCommandConfiguration.assemble(
      file: configuration, upstream: upstream, links: links, seed: seed)
    try ProxyCommand(assembled).run()
  }
}
