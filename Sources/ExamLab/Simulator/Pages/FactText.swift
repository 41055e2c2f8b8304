import ExamModel
import SyncProtocol

/// How much a fact matters to somebody who looks for what went wrong.
enum FactWeight: Int, Comparable {
  /// The traffic of every minute.
  case routine
  /// What a candidate does and is told.
  case telling
  /// Life, death, damage, and what is for good.
  case grave

  static func < (left: FactWeight, right: FactWeight) -> Bool { left.rawValue < right.rawValue }
}

extension Fact {
  var weight: FactWeight {
    switch self {
    case .requestSent, .requestDelivered, .responseDelivered, .replied, .acknowledgementStored, .acknowledged,
      .scopeApplied, .remainingShown, .responseLost, .requestLost, .commandRefused:
      .routine
    case .saved, .shown, .commanded, .codeReadOut, .paperReadable, .receiptRead, .woke, .suspended, .unlockedShown,
      .linkDown, .linkUp, .began, .closed:
      .telling
    default: .grave
    }
  }
}

/// Facts in words.
struct FactText {
  private(set) var names = ShortNames()

  mutating func text(_ fact: Fact) -> String {
    phone(fact) ?? life(fact) ?? sync(fact) ?? network(fact) ?? server(fact) ?? "\(fact)"
  }

  static func value(_ value: AnswerValue?) -> String {
    guard let value, !value.isEmpty else { return "nothing" }
    let text = "\(value)"
    return text.count > 40 ? "“\(text.prefix(40))…”" : "“\(text)”"
  }

  private mutating func phone(_ fact: Fact) -> String? {
    switch fact {
    case .saved(let journal, let sequence, let head, let item, let value):
      let place = "entry \(sequence) of \(names.name(journal, "journal")), head \(ShortNames.head(head))"
      return item.map { "saved \($0) = \(Self.value(value)) (\(place))" } ?? "saved \(place)"
    case .saveInterrupted(let item, let value):
      return "died while saving" + (item.map { " \($0) = \(Self.value(value))" } ?? "")
    case .saveRefused(let item, let code): return "could not save\(item.map { " \($0)" } ?? ""): \(code)"
    case .shown(let item, let value): return "shows \(item) = \(Self.value(value))"
    case .sealedShown(let attempt, let ordinal, let answers, let count):
      return "shows handed in: \(names.name(attempt, "attempt")), seal \(ordinal), \(count) answers, digest "
        + ShortNames.head(answers)
    case .receiptShown(let attempt, let ordinal, let isComplete):
      return "shows the receipt of \(names.name(attempt, "attempt")), seal \(ordinal)"
        + (isComplete ? "" : ", with answers missing")
    case .remainingShown(let milliseconds, let isDoubtful):
      return "shows \(ShortNames.time(milliseconds)) left" + (isDoubtful ? ", in doubt" : "")
    case .lockedShown(let number): return "is locked, lock \(number)"
    case .unlockedShown(let number): return "is unlocked, lock \(number)"
    case .paperReadable(let attempt, _): return "can read the paper of \(names.name(attempt, "attempt"))"
    case .storageWarningShown(let code): return "warns of its storage: \(code)"
    default: return nil
    }
  }

  private func life(_ fact: Fact) -> String? {
    switch fact {
    case .opened(let isNew, let isQuarantined):
      "opens " + (isNew ? "a new store" : "its store") + (isQuarantined ? ", and sets the damaged one aside" : "")
    case .openFailed(let code): "cannot open its store: \(code)"
    case .killed: "is killed"
    case .powerCut: "loses power"
    case .rebooted: "boots"
    case .suspended: "is suspended"
    case .woke: "wakes"
    case .clockJumped(let milliseconds): "has its clock jump by \(milliseconds) ms"
    case .closed: "closes"
    default: nil
    }
  }

  private mutating func sync(_ fact: Fact) -> String? {
    switch fact {
    case .acknowledgementStored(let journal, let sequence, let head):
      return "stores an acknowledgement of \(names.name(journal, "journal")) up to \(sequence), head "
        + ShortNames.head(head)
    case .successorOpened(let predecessor, let fork, let successor):
      return "leaves \(names.name(predecessor, "journal")) at \(fork) and goes on in "
        + names.name(successor, "journal")
    case .scopeApplied(let scope, _, let version):
      return "holds \(names.name(scope, "scope")) at version \(version)"
    case .scopeReset(let scope): return "reads \(names.name(scope, "scope")) anew"
    case .entriesDiscarded(let journal, let through):
      return "deletes \(names.name(journal, "journal")) up to \(through)"
    default: return nil
    }
  }

  private func network(_ fact: Fact) -> String? {
    switch fact {
    case .requestSent(let exchange, let kind, let bytes): "sends \(kind), exchange \(exchange), \(bytes) bytes"
    case .requestLost(let exchange, let why): "request \(exchange) is lost: \(why)"
    case .requestDelivered(let exchange, let isRepeat):
      "request \(exchange) arrives" + (isRepeat ? " a second time" : "")
    case .responseLost(let exchange, let why): "response \(exchange) is lost: \(why)"
    case .responseDelivered(let exchange, let status): "response \(exchange) arrives: \(status)"
    case .linkDown: "loses the network"
    case .linkUp: "has the network again"
    default: nil
    }
  }

  private mutating func server(_ fact: Fact) -> String? {
    switch fact {
    case .serverOpened(let epoch): return "opens, epoch \(String(epoch, radix: 16))"
    case .serverKilled: return "is killed"
    case .serverPowerCut: return "loses power"
    case .serverFaulted(let message): return "stops: \(message)"
    case .serverRestored(let from): return "is restored from its state at \(ShortNames.time(from))"
    case .acknowledged(let journal, let sequence, let head):
      return "acknowledges \(names.name(journal, "journal")) up to \(sequence), head \(ShortNames.head(head))"
    case .kept(let journal, let from, let to, let reason):
      return "keeps entries \(from) to \(to) of \(names.name(journal, "journal")) without effect: \(reason.name)"
    case .receiptRead(let attempt, let ordinal, let wire):
      return "reads the receipt of \(names.name(attempt, "attempt")), seal \(ordinal), bytes \(ShortNames.head(wire))"
    case .keyReleased: return "releases the paper's key"
    case .replied(let exchange, let what): return "answers exchange \(exchange): \(what)"
    case .commandRefused(let name): return "refuses \(name)"
    case .commanded(let name, let succeeded): return "commands \(name)" + (succeeded ? "" : ", which is refused")
    case .codeReadOut(let attempt, let lock):
      return "reads out the code for lock \(lock) of \(names.name(attempt, "attempt"))"
    case .began(let what): return "begins: \(what)"
    case .nemesis(let name, let begins): return "\(name) \(begins ? "begins" : "ends")"
    case .diskFault(let what): return "disk: \(what)"
    default: return nil
    }
  }
}
