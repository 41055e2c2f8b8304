import ExamModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Executes a script's commands against the engine, one at a time.
package struct ScriptRunner: Sendable {
  package let client: ExamClient
  /// Boot milliseconds at which the script began.
  private let startedAt: UInt64

  package init(client: ExamClient) {
    self.client = client
    startedAt = client.configuration.clock.read().bootMilliseconds
  }

  /// Opens the engine: the reply that comes before any command is read.
  package func open() async -> ScriptReply {
    let clock = ContinuousClock()
    let began = clock.now
    do {
      try await client.open()
      let headline = await client.headline
      let passed = began.duration(to: clock.now).components
      let milliseconds = Double(passed.seconds) * 1_000 + Double(passed.attoseconds / 1_000_000_000_000) / 1_000
      return ScriptReply(
        "ready",
        [
          ("open_ms", .decimal(milliseconds)), ("phase", .text(headline.phase.rawValue)),
          ("saved", .count(headline.saved)),
        ], summary: headline.phase.rawValue)
    } catch {
      return refusal(error)
    }
  }

  /// Executes a line.
  ///
  /// - Returns: the reply; `nil` for an empty line or a comment.
  package func execute(_ line: String) async -> (reply: ScriptReply, isLast: Bool)? {
    do {
      guard let command = try ScriptCommand(line: line) else { return nil }
      return (try await execute(command), command == .quit)
    } catch {
      return (refusal(error), false)
    }
  }

  private func refusal(_ error: any Error) -> ScriptReply {
    ScriptReply(
      error as? ExamClientError
        ?? ExamClientError(.storageFailed, "The engine failed: \(error). Restart it.", nextActor: .support))
  }

  private func execute(_ command: ScriptCommand) async throws -> ScriptReply {
    switch command {
    case .login(let user, let password):
      let receipt = try await client.logIn(user: user, password: password)
      return ScriptReply("logged-in", [("name", .text(receipt.name))])
    case .join(let code):
      let joined = try await client.join(code: code)
      return ScriptReply(
        "joined",
        [("attempt", .text(joined.attempt.hex)), ("exam", .text(joined.exam.hex)), ("title", .text(joined.title))])
    case .preflight: return preflight(try await client.preflight())
    case .start: return started(try await client.start())
    case .sync:
      let isSent = await client.sendChanges()
      let isRead = await client.fetchChanges()
      guard isSent, isRead else { throw ExamClientError.network("the round did not succeed") }
      return ScriptReply("synced")
    case .network(let change):
      switch change {
      case .down: await client.holdNetwork(true)
      case .up: await client.holdNetwork(false)
      case .changed: await client.networkChanged(isReachable: true)
      }
      return ScriptReply("network", [("change", .text(change.rawValue))])
    case .await(let goal, let timeout): return try await wait(goal, timeout)
    case .at(let seconds):
      let now = client.configuration.clock.read().bootMilliseconds
      let due = Int64(clamping: startedAt) + Int64(seconds * 1_000) - Int64(clamping: now)
      if due > 0 { _ = await client.wait(timeoutMilliseconds: due) { _, _ in false } }
      return ScriptReply("time", [("seconds", .decimal(seconds))])
    case .status: return Self.status(await client.status)
    case .kill:
      endAbruptly()
      return ScriptReply("killed")
    case .restart:
      await client.close()
      return await open()
    case .quit: return ScriptReply("bye")
    default: return try await executeOnAttempt(command)
    }
  }

  private func executeOnAttempt(_ command: ScriptCommand) async throws -> ScriptReply {
    switch command {
    case .information(let fields): return saved(try await client.submitInformation(fields))
    case .answer(let item, let text):
      return saved(try await client.answer(item, text: text), item: item)
    case .clear(let item): return saved(try await client.clear(item), item: item)
    case .flag(let item, let isSet): return saved(try await client.flag(item, isSet: isSet), item: item)
    case .visit(let item): return saved(try await client.visit(item), item: item)
    case .leave(let section): return saved(try await client.leaveSection(section))
    case .lock(let cause, let detail):
      let lock = try await client.lock(cause, detail: detail)
      return ScriptReply(
        "locked",
        [
          ("number", lock.number.map { .count($0) } ?? .none), ("count", .count(lock.count)),
          ("handed_in", .flag(lock.handedIn)),
        ])
    case .unlock(let code):
      return ScriptReply("unlocked", [("number", .count(try await client.unlock(code: code)))])
    case .submit: return sealed(try await client.confirm(try await client.requestSubmit()))
    case .requestSubmit:
      return ScriptReply("token", [("token", .text(try await client.requestSubmit().text))])
    case .confirm(let text):
      guard let token = SubmitToken(text: text) else { throw ScriptCommand.usage("confirm TOKEN") }
      return sealed(try await client.confirm(token))
    case .receipt:
      let receipt = try await client.exportReceipt()
      return ScriptReply(
        "receipt", [("file", .text(Base64.encode(receipt.file))), ("number", .text(receipt.number))],
        summary: receipt.number)
    default: throw ScriptCommand.usage("one of the commands of `exam-client run --help`")
    }
  }

  private func wait(_ goal: ScriptGoal, _ timeout: Double?) async throws -> ScriptReply {
    let contacts = await client.contacts
    let isReached = await client.wait(timeoutMilliseconds: timeout.map { Int64($0 * 1_000) }) { status, now in
      switch goal {
      case .unlock: status.phase != .locked
      case .ready: status.downloads.isReady
      case .key: status.downloads.isKeyReleased
      case .receipt: status.phase == .receipted
      case .pendingZero: status.pendingCount == 0
      case .contact: now > contacts
      }
    }
    guard isReached else {
      throw ExamClientError(
        ExamClientError.Code(rawValue: "timeout"), "Waited for \(goal.rawValue), and it did not come in time.",
        nextActor: .engine)
    }
    return ScriptReply("reached", [("what", .text(goal.rawValue))])
  }
}

private func endAbruptly() {
  kill(getpid(), SIGKILL)
}
