import ArgumentParser
import ExamClient

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Executes a script, one command a line, and answers each with one line.",
    discussion: """
      COMMANDS
        login USER PASSWORD            join CODE                   info NAME=VALUE[;NAME=VALUE…]
        preflight                      start                       answer ITEM VALUE
        clear ITEM                     flag ITEM on|off            visit ITEM
        leave SECTION                  lock CAUSE [DETAIL]         unlock CODE
        await unlock|ready|receipt|pending-zero|contact|key [SECONDS]
        submit                         request-submit              confirm TOKEN
        network down|up|changed        sync                        at SECONDS
        status                         receipt                     restart | kill | quit

      A VALUE is option ids (A,C), T or F, blanks (x|y), a number, or an essay's text with \\n for a line break.
      Empty lines and lines that begin with # are skipped. The script ends with its last line; SIGTERM ends it too.
      A command that is refused is answered with “error CODE: what to do”, and the script goes on unless --strict.

      Example, a whole exam:
        login a_hart PASSWORD
        join 123456
        await ready
        start
        answer q01 B
        submit
        await receipt
      """)

  @Argument(help: "The script's file; - for standard input.")
  var script: String

  @Option(help: "The folder of this phone's store. It is made if it is not there.")
  var store: String

  @Option(help: "The server's address, from the server card.")
  var server: String

  @Option(help: "The server's key, 64 hexadecimal digits, from the server card.")
  var serverKey: ServerKey

  @Option(help: "The version that the app says it is.")
  var appVersion = "3.4.2"

  @OptionGroup var options: OutputOptions

  @Option(name: .customLong("boot-offset-ms"), help: .hidden)
  var bootOffsetMilliseconds: Int64 = 0

  @Flag(inversion: .prefixedNo, help: "Let the engine sync by itself; otherwise only the command sync does.")
  var automaticSync = true

  @Flag(help: "Ends with exit code 1 at the first command that is refused.")
  var strict = false

  func run() async throws {
    let lines = try LineReader(script: script)
    let client: ExamClient
    do {
      client = try ExamClient(
        ExamClientConfiguration(
          storeFolder: store, serverURL: server, serverKey: serverKey.bytes, automaticallySync: automaticSync,
          appVersion: appVersion, clock: SystemDeviceClock(bootOffsetMilliseconds: bootOffsetMilliseconds)))
    } catch {
      StandardOutput.write(ScriptReply(error).line(options.output.form))
      throw Exit.code(of: error)
    }
    let runner = ScriptRunner(client: client)
    let ready = await runner.open()
    StandardOutput.write(ready.line(options.output.form))
    guard ready.isOK else { throw Exit.storage }
    let control = ControlSocket(folder: store) { question in
      await ControlQuestions.answer(question, runner: runner)
    }
    SignalWatch.onTermination {
      control?.stop()
      await client.close()
    }
    let form = options.output.form
    let isStrict = strict
    let wasRefused = await withCheckedContinuation { continuation in
      BackgroundThread.start {
        continuation.resume(returning: Self.execute(lines, runner, form, stopsWhenRefused: isStrict))
      }
    }
    control?.stop()
    await client.close()
    if wasRefused { throw Exit.refused }
  }

  /// On the script's own thread: the next line is read when the one before was answered.
  ///
  /// - Returns: whether it stopped because a command was refused.
  private static func execute(
    _ lines: LineReader, _ runner: ScriptRunner, _ form: ScriptReply.Form, stopsWhenRefused: Bool
  ) -> Bool {
    while let line = lines.next() {
      let answer = waitFor { await runner.execute(line) }
      guard let answer else { continue }
      StandardOutput.write(answer.reply.line(form))
      if stopsWhenRefused, !answer.reply.isOK { return true }
      if answer.isLast { return false }
    }
    return false
  }
}

/// What a running phone is asked through its socket.
enum ControlQuestions {
  static func answer(_ question: String, runner: ScriptRunner) async -> String {
    let words = question.split(separator: " ", maxSplits: 1).map(String.init)
    switch words.first {
    case "status":
      let form = words.count > 1 ? ScriptReply.Form(rawValue: words[1]) ?? .json : .json
      return ScriptRunner.status(await runner.client.status).line(form)
    case "receipt": return await runner.execute("receipt")?.reply.line(.json) ?? ""
    case "request" where words.count > 1:
      do {
        return ScriptReply("request", [("command", .text(try await runner.client.curlCommand(path: words[1])))])
          .line(.json)
      } catch {
        return ScriptReply(error).line(.json)
      }
    default:
      return ScriptReply(ExamClientError(.badArgument, "A running phone answers status, receipt and request PATH."))
        .line(.json)
    }
  }
}
