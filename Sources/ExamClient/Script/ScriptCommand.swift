package import ExamModel

/// One line of a script of `exam-client run`, understood.
package enum ScriptCommand: Hashable, Sendable {
  case login(user: String, password: String)
  case join(code: String)
  case information([InformationField])
  case preflight
  case start
  /// The value's text is read by the kind of the item, once the paper is known.
  case answer(item: String, text: String)
  case clear(item: String)
  case flag(item: String, isSet: Bool)
  case visit(item: String)
  case leave(section: String)
  case lock(LockCause, detail: String)
  case unlock(code: String)
  case await(ScriptGoal, timeoutSeconds: Double?)
  case submit
  case requestSubmit
  case confirm(token: String)
  case network(ScriptNetwork)
  case sync
  case at(seconds: Double)
  case status
  case receipt
  case kill
  case restart
  case quit
}

/// What a script can wait for.
package enum ScriptGoal: String, Hashable, Sendable, CaseIterable {
  /// The server's unlock was journalled.
  case unlock
  /// All parts of the paper are there, and its key.
  case ready
  case receipt
  case pendingZero = "pending-zero"
  /// The server answered since the script began to wait.
  case contact
  case key
}

package enum ScriptNetwork: String, Hashable, Sendable, CaseIterable {
  case down
  case up
  case changed
}

extension ScriptCommand {
  /// The greatest wait and the greatest instant of a script, in seconds: a day.
  package static let secondsLimit = 86_400.0

  /// Reads a line.
  ///
  /// - Returns: `nil` for an empty line and for a comment (`#`), which are answered with nothing.
  package init?(line: String) throws(ExamClientError) {
    let trimmed = Self.trim(line)
    guard let first = trimmed.first, first != "#" else { return nil }
    let (word, rest) = Self.split(trimmed)
    switch word {
    case "login":
      // A password may hold spaces; a user name may not.
      let (user, password) = Self.split(rest)
      guard !user.isEmpty, !password.isEmpty else { throw Self.usage("login USER PASSWORD") }
      self = .login(user: user, password: password)
    case "join": self = .join(code: try Self.one(rest, "join CODE"))
    case "info": self = .information(try Self.fields(rest))
    case "answer":
      let (item, text) = Self.split(rest)
      guard !item.isEmpty, !text.isEmpty else { throw Self.usage("answer ITEM VALUE") }
      self = .answer(item: item, text: text)
    case "clear": self = .clear(item: try Self.one(rest, "clear ITEM"))
    case "flag":
      let (item, state) = Self.split(rest)
      guard !item.isEmpty, state == "on" || state == "off" else { throw Self.usage("flag ITEM on|off") }
      self = .flag(item: item, isSet: state == "on")
    case "visit": self = .visit(item: try Self.one(rest, "visit ITEM"))
    case "leave": self = .leave(section: try Self.one(rest, "leave SECTION"))
    case "lock":
      let (name, detail) = Self.split(rest)
      guard let cause = LockCause(rawValue: name) else {
        throw Self.usage("lock \(LockCause.allCases.map(\.rawValue).joined(separator: "|")) [DETAIL]")
      }
      self = .lock(cause, detail: detail)
    case "unlock": self = .unlock(code: try Self.one(rest, "unlock CODE"))
    case "await": self = try Self.goal(rest)
    case "confirm": self = .confirm(token: try Self.one(rest, "confirm TOKEN"))
    case "network":
      guard let change = ScriptNetwork(rawValue: rest) else { throw Self.usage("network down|up|changed") }
      self = .network(change)
    case "at": self = .at(seconds: try Self.seconds(rest, "at SECONDS"))
    default: self = try Self.plain(word, rest)
    }
  }

  private static func plain(_ word: String, _ rest: String) throws(ExamClientError) -> ScriptCommand {
    let commands: [String: ScriptCommand] = [
      "preflight": .preflight, "start": .start, "submit": .submit, "request-submit": .requestSubmit, "sync": .sync,
      "status": .status, "receipt": .receipt, "kill": .kill, "restart": .restart, "quit": .quit,
    ]
    guard let command = commands[word] else {
      throw ExamClientError(
        ExamClientError.Code(rawValue: "unknown-command"),
        "There is no command “\(word.prefix(40))”. Look at the list in `exam-client run --help`.")
    }
    guard rest.isEmpty else { throw usage(word) }
    return command
  }

  private static func goal(_ rest: String) throws(ExamClientError) -> ScriptCommand {
    let form = "await \(ScriptGoal.allCases.map(\.rawValue).joined(separator: "|")) [SECONDS]"
    let (name, limit) = split(rest)
    guard let goal = ScriptGoal(rawValue: name) else { throw usage(form) }
    return .await(goal, timeoutSeconds: limit.isEmpty ? nil : try seconds(limit, form))
  }

  private static func seconds(_ text: String, _ form: String) throws(ExamClientError) -> Double {
    guard let seconds = Double(text), seconds >= 0, seconds <= secondsLimit else { throw usage(form) }
    return seconds
  }

  /// `NAME=VALUE;NAME=VALUE`
  private static func fields(_ text: String) throws(ExamClientError) -> [InformationField] {
    let form = "info NAME=VALUE[;NAME=VALUE…]"
    var fields: [InformationField] = []
    for piece in text.split(separator: ";", omittingEmptySubsequences: false) {
      guard let equals = piece.firstIndex(of: "=") else { throw usage(form) }
      let name = trim(String(piece[..<equals]))
      guard !name.isEmpty else { throw usage(form) }
      fields.append(InformationField(name: name, value: trim(String(piece[piece.index(after: equals)...]))))
    }
    return fields
  }

  private static func one(_ rest: String, _ form: String) throws(ExamClientError) -> String {
    guard !rest.isEmpty, !rest.contains(" ") else { throw usage(form) }
    return rest
  }

  static func usage(_ form: String) -> ExamClientError {
    ExamClientError(.badArgument, "The command is written: \(form)")
  }

  private static func trim(_ text: String) -> String {
    var rest = Substring(text)
    while let first = rest.first, first.isWhitespace { rest.removeFirst() }
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return String(rest)
  }

  /// The first word, and what follows it.
  private static func split(_ text: String) -> (String, String) {
    guard let space = text.firstIndex(where: { $0 == " " || $0 == "\t" }) else { return (text, "") }
    return (String(text[..<space]), trim(String(text[space...])))
  }
}

/// Reads an answer's text by the kind of its item.
package enum AnswerText {
  /// Options as `A,C`, blanks as `x|y`, `T` or `F`, a number, or an essay's text. In blanks and essays `\n` is a line
  /// break and `\\` a backslash.
  package static func value(_ text: String, for kind: ItemKind) -> AnswerValue {
    switch kind {
    case .singleBest, .sharedStem, .sharedOptions, .multiple, .trueFalse:
      .options(
        AnswerValue.canonicalOptionIDs(
          text.split(separator: ",").map { String($0).filter { !$0.isWhitespace } }.filter { !$0.isEmpty }))
    case .fillIn:
      .blanks(text.split(separator: "|", omittingEmptySubsequences: false).map { unescaped(String($0)) })
    case .numeric: .number(text)
    case .essay: .text(unescaped(text))
    }
  }

  private static func unescaped(_ text: String) -> String {
    guard text.contains("\\") else { return text }
    var result = ""
    var isEscaped = false
    for character in text {
      if isEscaped {
        result += character == "n" ? "\n" : character == "\\" ? "\\" : "\\\(character)"
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.append(character)
      }
    }
    return isEscaped ? result + "\\" : result
  }
}
