import ExamModel
import SyncProtocol

import struct Foundation.Data

extension Entry: GeneratedConvertible {
  public var wire: [UInt8] { EntryWriter(self)?.bytes ?? generatedWire }

  /// The same bytes by way of the generated message.
  package var generatedWire: [UInt8] { encoded(message) }

  init(_ message: WireEntry) throws(WireError) {
    guard message.bootDeltaMs < 315_360_000_000 else {
      throw WireError("Entry.boot_delta_ms", "is over ten years")
    }
    self.init(
      bootDeltaMilliseconds: message.bootDeltaMs, wallDriftMilliseconds: message.wallDriftMs,
      kind: try EntryKind(message.kind))
  }

  var message: WireEntry {
    var message = WireEntry()
    message.bootDeltaMs = bootDeltaMilliseconds
    message.wallDriftMs = wallDriftMilliseconds
    message.kind = kind.message
    return message
  }
}

extension EntryKind {
  init(_ kind: WireEntry.OneOf_Kind?) throws(WireError) {
    switch kind {
    case .open(let message): self = .open(try Opening(message))
    case .context(let message): self = .context(try ClockContext(message))
    case .start(let message): self = .start(Start(code: message.code, paperVersion: message.paperVersion))
    case .answer(let message): self = .answer(item: message.item, value: try AnswerValue(message))
    case .clear(let item): self = .clear(item: item)
    case .flag(let message): self = .flag(item: message.item, isSet: message.isSet)
    case .visit(let item): self = .visit(item: item)
    case .sectionLeft(let section): self = .sectionLeft(section: section)
    case .lock(let message):
      // A cause of a later version is still a lock.
      self = .lock(
        LockFact(number: message.number, cause: LockCause(rawValue: message.cause) ?? .other, detail: message.detail))
    case .unlock(let message): self = .unlock(try UnlockFact(message))
    case .grantSeen(let number): self = .grantSeen(number: number)
    case .information(let message):
      try Field.atMost(Limits.informationFields, message.fields.count, "Information.fields")
      self = .information(message.fields.map { InformationField(name: $0.name, value: $0.value) })
    case .seal(let message):
      self = .seal(SignedStatement(statement: Array(message.statement), signature: Array(message.signature)))
    case .reopened(let ordinal): self = .reopened(sealOrdinal: ordinal)
    case nil: self = .unknown
    }
  }

  var message: WireEntry.OneOf_Kind? {
    switch self {
    case .open(let opening): .open(opening.message)
    case .context(let context): .context(context.message)
    case .start(let start):
      .start(
        .with {
          $0.code = start.code
          $0.paperVersion = start.paperVersion
        })
    case .answer(let item, let value): .answer(value.message(item: item))
    case .clear(let item): .clear(item)
    case .flag(let item, let isSet):
      .flag(
        .with {
          $0.item = item
          $0.isSet = isSet
        })
    case .visit(let item): .visit(item)
    case .sectionLeft(let section): .sectionLeft(section)
    case .lock(let fact): .lock(fact.message)
    case .unlock(let fact): .unlock(fact.message)
    case .grantSeen(let number): .grantSeen(number)
    case .information(let fields): .information(.with { $0.fields = fields.map(\.message) })
    case .seal(let signed):
      .seal(
        .with {
          $0.statement = Data(signed.statement)
          $0.signature = Data(signed.signature)
        })
    case .reopened(let ordinal): .reopened(ordinal)
    case .unknown: nil
    }
  }
}

extension InformationField {
  var message: WireInformationField {
    .with {
      $0.name = name
      $0.value = value
    }
  }
}

extension Opening {
  init(_ message: WireOpen) throws(WireError) {
    self.init(
      nonce: try Field.id(message.nonce, "Open.nonce"), bootID: try Field.id(message.bootID, "Open.boot_id"),
      bootMilliseconds: message.bootMs, wallMilliseconds: message.wallMs, leaseOrdinal: message.lease,
      predecessor: message.hasPredecessor ? try JournalPosition(message.predecessor) : nil,
      appVersion: message.appVersion)
  }

  var message: WireOpen {
    var message = WireOpen()
    message.nonce = Data(nonce.bytes)
    message.bootID = Data(bootID.bytes)
    message.bootMs = bootMilliseconds
    message.wallMs = wallMilliseconds
    message.lease = leaseOrdinal
    if let predecessor { message.predecessor = predecessor.message }
    message.appVersion = appVersion
    return message
  }
}

extension JournalPosition {
  init(_ message: WirePredecessor) throws(WireError) {
    self.init(
      journal: try Field.id(message.journal, "Predecessor.journal"), sequence: message.sequence,
      head: try Field.digest(message.head, "Predecessor.head"))
  }

  var message: WirePredecessor {
    var message = WirePredecessor()
    message.journal = Data(journal.bytes)
    message.sequence = sequence
    message.head = Data(head.bytes)
    return message
  }
}

extension ClockContext {
  init(_ message: WireContext) throws(WireError) {
    var server: TimeBounds?
    if message.serverLatestMs != 0 {
      let earliest = try Field.milliseconds(UInt64(clamping: message.serverEarliestMs), "Context.server_earliest_ms")
      let latest = try Field.milliseconds(UInt64(clamping: message.serverLatestMs), "Context.server_latest_ms")
      guard earliest <= latest else { throw WireError("Context.server_latest_ms", "lies before the earliest") }
      server = TimeBounds(earliest: earliest, latest: latest)
    }
    self.init(
      bootID: try Field.id(message.bootID, "Context.boot_id"), bootMilliseconds: message.bootMs,
      wallMilliseconds: message.wallMs, server: server,
      proof: message.proof.isEmpty ? nil : TimeProof(milliseconds: message.proofMs, mac: Array(message.proof)))
  }

  var message: WireContext {
    var message = WireContext()
    message.bootID = Data(bootID.bytes)
    message.bootMs = bootMilliseconds
    message.wallMs = wallMilliseconds
    if let server {
      message.serverEarliestMs = server.earliest
      message.serverLatestMs = server.latest
    }
    if let proof {
      message.proofMs = proof.milliseconds
      message.proof = Data(proof.mac)
    }
    return message
  }
}

extension AnswerValue {
  init(_ message: WireAnswer) throws(WireError) {
    switch message.value {
    case .option(let id): self = .options([id])
    case .options(let list): self = .options(list.values)
    case .text(let text): self = .text(text)
    case .blanks(let list): self = .blanks(list.values)
    case .number(let text): self = .number(text)
    case nil: throw WireError("Answer.value", "is of a kind that this version does not know")
    }
  }

  func message(item: String) -> WireAnswer {
    var message = WireAnswer()
    message.item = item
    switch self {
    case .options(let ids) where ids.count == 1: message.option = ids[0]
    case .options(let ids): message.options.values = ids
    case .text(let text): message.text = text
    case .blanks(let texts): message.blanks.values = texts
    case .number(let text): message.number = text
    }
    return message
  }
}

extension LockFact {
  var message: WireLock {
    .with {
      $0.number = number
      $0.cause = cause.rawValue
      $0.detail = detail
    }
  }
}

extension UnlockFact {
  init(_ message: WireUnlock) throws(WireError) {
    let proof: Proof =
      message.nonce.isEmpty
      ? .code(message.code) : .server(nonce: try Field.id(message.nonce, "Unlock.nonce"), mac: Array(message.mac))
    self.init(number: message.number, proof: proof)
  }

  var message: WireUnlock {
    var message = WireUnlock()
    message.number = number
    switch proof {
    case .code(let code): message.code = code
    case .server(let nonce, let mac):
      message.nonce = Data(nonce.bytes)
      message.mac = Data(mac)
    }
    return message
  }
}
