import ExamModel

/// Every byte of every fact, as words for a digest. A number of its own stands before each kind.
extension TraceDigest {
  mutating func take(_ fact: Fact) {
    switch fact {
    case .saved, .saveInterrupted, .saveRefused, .shown, .sealedShown, .receiptShown, .remainingShown, .lockedShown,
      .unlockedShown, .paperReadable, .storageWarningShown:
      takeShown(fact)
    case .opened, .openFailed, .killed, .powerCut, .rebooted, .suspended, .woke, .clockJumped, .closed:
      takeLife(fact)
    case .acknowledgementStored, .successorOpened, .scopeApplied, .scopeReset, .entriesDiscarded:
      takeSync(fact)
    case .requestSent, .requestLost, .requestDelivered, .responseLost, .responseDelivered, .linkDown, .linkUp:
      takeNetwork(fact)
    case .serverOpened, .serverKilled, .serverPowerCut, .serverFaulted, .serverRestored, .acknowledged, .kept,
      .receiptRead, .keyReleased, .replied, .commandRefused:
      takeServer(fact)
    case .commanded, .codeReadOut, .began, .nemesis, .diskFault: takeRun(fact)
    }
  }

  private mutating func takeShown(_ fact: Fact) {
    switch fact {
    case .saved(let journal, let sequence, let head, let item, let value):
      take(1)
      take(journal)
      take(sequence)
      take(head)
      take(item)
      take(value)
    case .saveInterrupted(let item, let value):
      take(2)
      take(item)
      take(value)
    case .saveRefused(let item, let code):
      take(3)
      take(item)
      take(code)
    case .shown(let item, let value):
      take(4)
      take(item)
      take(value)
    case .sealedShown(let attempt, let ordinal, let answers, let count):
      take(5)
      take(attempt)
      take(UInt64(ordinal))
      take(answers)
      take(signed: count)
    case .receiptShown(let attempt, let ordinal, let isComplete):
      take(6)
      take(attempt)
      take(UInt64(ordinal) << 1 | (isComplete ? 1 : 0))
    case .remainingShown(let milliseconds, let isDoubtful): takeNumber(isDoubtful ? 8 : 7, milliseconds)
    case .lockedShown(let number): takeNumber(9, Int64(number))
    case .unlockedShown(let number): takeNumber(10, Int64(number))
    case .paperReadable(let attempt, let content):
      take(11)
      take(attempt)
      take(content)
    case .storageWarningShown(let code):
      take(12)
      take(code)
    default: break
    }
  }

  private mutating func takeLife(_ fact: Fact) {
    switch fact {
    case .opened(let isNew, let quarantined): takeNumber(20, (isNew ? 1 : 0) | (quarantined ? 2 : 0))
    case .openFailed(let code):
      take(21)
      take(code)
    case .killed: take(22)
    case .powerCut: take(23)
    case .rebooted: take(24)
    case .suspended: take(25)
    case .woke: take(26)
    case .clockJumped(let milliseconds): takeNumber(27, milliseconds)
    case .closed: take(28)
    default: break
    }
  }

  private mutating func takeSync(_ fact: Fact) {
    switch fact {
    case .acknowledgementStored(let journal, let sequence, let head):
      take(30)
      take(journal)
      take(sequence)
      take(head)
    case .successorOpened(let predecessor, let fork, let successor):
      take(31)
      take(predecessor)
      take(fork)
      take(successor)
    case .scopeApplied(let scope, let epoch, let version):
      take(32)
      take(scope)
      take(epoch)
      take(version)
    case .scopeReset(let scope):
      take(33)
      take(scope)
    case .entriesDiscarded(let journal, let through):
      take(34)
      take(journal)
      take(through)
    default: break
    }
  }

  private mutating func takeNetwork(_ fact: Fact) {
    switch fact {
    case .requestSent(let exchange, let kind, let bytes):
      take(40)
      take(exchange)
      take(kind)
      take(signed: bytes)
    case .requestLost(let exchange, let why):
      take(41)
      take(exchange)
      take(why)
    case .requestDelivered(let exchange, let isRepeat):
      take(isRepeat ? 43 : 42)
      take(exchange)
    case .responseLost(let exchange, let why):
      take(44)
      take(exchange)
      take(why)
    case .responseDelivered(let exchange, let status):
      take(45)
      take(exchange)
      take(signed: status)
    case .linkDown: take(46)
    case .linkUp: take(47)
    default: break
    }
  }

  private mutating func takeServer(_ fact: Fact) {
    switch fact {
    case .serverOpened(let epoch):
      take(50)
      take(epoch)
    case .serverKilled: take(51)
    case .serverPowerCut: take(52)
    case .serverFaulted(let message):
      take(53)
      take(message)
    case .serverRestored(let instant): takeNumber(54, instant)
    case .acknowledged(let journal, let sequence, let head):
      take(55)
      take(journal)
      take(sequence)
      take(head)
    case .kept(let journal, let from, let to, let reason):
      take(56)
      take(journal)
      take(from)
      take(to)
      take(signed: reason.rawValue)
    case .receiptRead(let attempt, let ordinal, let wire):
      take(57)
      take(attempt)
      take(UInt64(ordinal))
      take(wire)
    case .keyReleased(let exam):
      take(58)
      take(exam)
    case .replied(let exchange, let what):
      take(59)
      take(exchange)
      take(what)
    case .commandRefused(let name):
      take(67)
      take(name)
    default: break
    }
  }

  private mutating func takeRun(_ fact: Fact) {
    switch fact {
    case .commanded(let name, let succeeded):
      take(succeeded ? 61 : 60)
      take(name)
    case .codeReadOut(let attempt, let lock):
      take(62)
      take(attempt)
      take(UInt64(lock))
    case .began(let what):
      take(63)
      take(what)
    case .nemesis(let name, let begins):
      take(begins ? 65 : 64)
      take(name)
    case .diskFault(let what):
      take(66)
      take(what)
    default: break
    }
  }

  // MARK: - Parts

  private mutating func takeNumber(_ kind: UInt64, _ number: Int64) {
    take(kind)
    take(UInt64(bitPattern: number))
  }

  private mutating func take(signed number: Int) {
    take(UInt64(bitPattern: Int64(number)))
  }

  private mutating func take(_ id: ID128) {
    take(id.high)
    take(id.low)
  }

  private mutating func take(_ digest: Digest256) {
    for index in 0..<4 { take(digest.words[index]) }
  }

  private mutating func take(_ text: String) {
    var text = text
    text.withUTF8 { take($0) }
  }

  private mutating func take(_ text: String?) {
    guard let text else { return take(0) }
    take(1)
    take(text)
  }

  private mutating func take(_ value: AnswerValue?) {
    guard let value else { return take(0) }
    let texts: [String]
    switch value {
    case .options(let ids):
      take(1)
      texts = ids
    case .text(let text):
      take(2)
      texts = [text]
    case .blanks(let list):
      take(3)
      texts = list
    case .number(let text):
      take(4)
      texts = [text]
    }
    take(signed: texts.count)
    for text in texts { take(text) }
  }
}
