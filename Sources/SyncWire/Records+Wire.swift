import ExamModel
import SyncProtocol

import struct Foundation.Data

extension ExamRecord: GeneratedConvertible {
  init(_ message: WireExamRecord) throws(WireError) {
    let policy = AttemptPolicy(
      maximumLocks: message.maximumLocks,
      exemptCauses: Set(message.exemptCauses.compactMap(LockCause.init(rawValue:))),
      restartLocks: message.restartLocks, informationFields: message.informationFields,
      minimumAppVersion: message.minimumAppVersion)
    let duration = try Field.milliseconds(message.durationMs, "ExamRecord.duration_ms")
    self.init(
      title: message.title, opensAt: try Field.milliseconds(message.opensAt, "ExamRecord.opens_at"),
      closesAt: try Field.milliseconds(message.closesAt, "ExamRecord.closes_at"),
      durationMilliseconds: duration == 0 ? nil : duration, policy: policy, specialty: message.specialty,
      isCancelled: message.cancelled, paperVersion: message.paperVersion)
  }

  var message: WireExamRecord {
    var message = WireExamRecord()
    message.title = title
    message.opensAt = UInt64(clamping: opensAt)
    message.closesAt = UInt64(clamping: closesAt)
    message.durationMs = UInt64(clamping: durationMilliseconds ?? 0)
    message.maximumLocks = policy.maximumLocks
    message.exemptCauses = policy.exemptCauses.map(\.rawValue).sorted()
    message.restartLocks = policy.restartLocks
    message.informationFields = policy.informationFields
    message.minimumAppVersion = policy.minimumAppVersion
    message.specialty = specialty
    message.cancelled = isCancelled
    message.paperVersion = paperVersion
    return message
  }
}

extension BlobReference {
  init(_ message: WireBlobReference) throws(WireError) {
    guard message.length <= UInt64(Limits.blobBytes) else {
      throw WireError("BlobReference.length", "a blob has at most \(Limits.blobBytes) bytes")
    }
    self.init(digest: try Field.digest(message.digest, "BlobReference.digest"), length: message.length)
  }

  var message: WireBlobReference {
    .with {
      $0.digest = Data(digest.bytes)
      $0.length = length
    }
  }
}

extension PaperRecord: GeneratedConvertible {
  init(_ message: WirePaperRecord) throws(WireError) {
    self.init(
      version: message.version, manifest: try BlobReference(message.manifest),
      keyCheck: try Field.digest(message.keyCheck, "PaperRecord.key_check"),
      packs: try message.packs.convert { pack throws(WireError) in try BlobReference(pack) })
  }

  var message: WirePaperRecord {
    var message = WirePaperRecord()
    message.version = version
    message.manifest = manifest.message
    message.keyCheck = Data(keyCheck.bytes)
    message.packs = packs.map(\.message)
    return message
  }
}

/// Collection `key`, key `paper`: the paper's key, released at T0.
public struct KeyRecord: Hashable, Sendable {
  /// 32 bytes.
  public var key: [UInt8]

  public init(key: [UInt8]) {
    self.key = key
  }
}

extension KeyRecord: GeneratedConvertible {
  init(_ message: WireKeyRecord) throws(WireError) {
    self.init(key: try Field.bytes(message.key, count: 32, "KeyRecord.key"))
  }

  var message: WireKeyRecord { .with { $0.key = Data(key) } }
}

/// Collection `announcement`, key = its number.
public struct AnnouncementRecord: Hashable, Sendable {
  public var text: String
  public var at: Int64

  public init(text: String, at: Int64) {
    self.text = text
    self.at = at
  }
}

extension AnnouncementRecord: GeneratedConvertible {
  init(_ message: WireAnnouncementRecord) throws(WireError) {
    self.init(text: message.text, at: try Field.milliseconds(message.at, "AnnouncementRecord.at"))
  }

  var message: WireAnnouncementRecord {
    .with {
      $0.text = text
      $0.at = UInt64(clamping: at)
    }
  }
}

extension ProfileRecord: GeneratedConvertible {
  init(_ message: WireProfileRecord) throws(WireError) {
    self.init(
      name: message.name, number: message.number, specialty: message.specialty, room: message.room,
      isPhoneBound: message.phoneBound)
  }

  var message: WireProfileRecord {
    var message = WireProfileRecord()
    message.name = name
    message.number = number
    message.specialty = specialty
    message.room = room
    message.phoneBound = isPhoneBound
    return message
  }
}

extension AttemptRecord: GeneratedConvertible {
  init(_ message: WireAttemptRecord) throws(WireError) {
    try Field.atMost(1_000, message.unlockVerifiers.count, "AttemptRecord.unlock_verifiers")
    self.init(
      attempt: try Field.id(message.attempt, "AttemptRecord.attempt"),
      exam: try Field.id(message.exam, "AttemptRecord.exam"), lease: message.lease,
      leaseID: try Field.id(message.leaseID, "AttemptRecord.lease_id"),
      leaseDevice: message.leaseDevice.isEmpty
        ? nil : try Field.id(message.leaseDevice, "AttemptRecord.lease_device"),
      orderSeed: message.orderSeed, codeSalt: Array(message.codeSalt), codeVerifier: Array(message.codeVerifier),
      unlockSalt: Array(message.unlockSalt), unlockVerifiers: message.unlockVerifiers.map { Array($0) },
      scryptRounds: message.scryptRounds, specialty: message.specialty, isVoided: message.voided)
  }

  var message: WireAttemptRecord {
    var message = WireAttemptRecord()
    message.attempt = Data(attempt.bytes)
    message.exam = Data(exam.bytes)
    message.lease = lease
    message.leaseID = Data(leaseID.bytes)
    if let leaseDevice { message.leaseDevice = Data(leaseDevice.bytes) }
    message.orderSeed = orderSeed
    message.codeSalt = Data(codeSalt)
    message.codeVerifier = Data(codeVerifier)
    message.unlockSalt = Data(unlockSalt)
    message.unlockVerifiers = unlockVerifiers.map { Data($0) }
    message.scryptRounds = scryptRounds
    message.specialty = specialty
    message.voided = isVoided
    return message
  }
}

extension UnlockRecord: GeneratedConvertible {
  init(_ message: WireUnlockRecord) throws(WireError) {
    self.init(
      attempt: try Field.id(message.attempt, "UnlockRecord.attempt"), number: message.number,
      nonce: try Field.id(message.nonce, "UnlockRecord.nonce"), mac: Array(message.mac))
  }

  var message: WireUnlockRecord {
    var message = WireUnlockRecord()
    message.attempt = Data(attempt.bytes)
    message.number = number
    message.nonce = Data(nonce.bytes)
    message.mac = Data(mac)
    return message
  }
}

extension NumberedRecord: GeneratedConvertible {
  init(_ message: WireVoidRecord) throws(WireError) {
    self.init(attempt: try Field.id(message.attempt, "VoidRecord.attempt"), number: message.number)
  }

  /// Voids and reopens have the same two fields under the same numbers.
  var message: WireVoidRecord {
    .with {
      $0.attempt = Data(attempt.bytes)
      $0.number = number
    }
  }
}

extension GrantRecord: GeneratedConvertible {
  init(_ message: WireGrantRecord) throws(WireError) {
    self.init(
      attempt: try Field.id(message.attempt, "GrantRecord.attempt"), number: message.number,
      milliseconds: try Field.milliseconds(message.milliseconds, "GrantRecord.milliseconds"), reason: message.reason)
  }

  var message: WireGrantRecord {
    var message = WireGrantRecord()
    message.attempt = Data(attempt.bytes)
    message.number = number
    message.milliseconds = UInt64(clamping: milliseconds)
    message.reason = reason
    return message
  }
}

extension DispositionRecord: GeneratedConvertible {
  init(_ message: WireDispositionRecord) throws(WireError) {
    self.init(
      journal: try Field.id(message.journal, "DispositionRecord.journal"),
      range: KeptRange(from: message.from, to: message.to, reason: KeptReason(wire: message.reason)),
      decidedBy: message.decidedBy)
  }

  var message: WireDispositionRecord {
    var message = WireDispositionRecord()
    message.journal = Data(journal.bytes)
    message.from = range.from
    message.to = range.to
    message.reason = UInt32(range.reason.rawValue)
    message.decidedBy = decidedBy
    return message
  }
}

extension AnswersRecord: GeneratedConvertible {
  init(_ message: WireAnswersRecord) throws(WireError) {
    var sheet = AnswerSheet()
    for answer in message.answers { sheet.set(try AnswerValue(answer), for: answer.item) }
    let startedAt = try Field.milliseconds(message.startedAt, "AnswersRecord.started_at")
    self.init(
      attempt: try Field.id(message.attempt, "AnswersRecord.attempt"), answers: sheet,
      journals: try message.journals.convert { journal throws(WireError) in try JournalPosition(journal) },
      locks: message.locks, unlocked: message.unlocked, isStarted: message.started,
      startedAt: startedAt == 0 ? nil : startedAt, informationGiven: message.informationGiven,
      closedSections: message.closedSections, sealOrdinal: message.sealOrdinal, isSealed: message.isSealed)
  }

  var message: WireAnswersRecord {
    var message = WireAnswersRecord()
    message.attempt = Data(attempt.bytes)
    message.answers = answers.sorted.map { $0.value.message(item: $0.item) }
    message.journals = journals.map(\.message)
    message.lockCount = UInt32(locks.count)
    message.locks = locks
    message.unlocked = unlocked
    message.started = isStarted
    message.startedAt = UInt64(clamping: startedAt ?? 0)
    message.informationGiven = informationGiven
    message.closedSections = closedSections
    message.sealOrdinal = sealOrdinal
    message.isSealed = isSealed
    return message
  }
}

extension PaperManifest: GeneratedConvertible {
  init(_ message: WirePaperManifest) throws(WireError) {
    self.init(
      id: message.id, version: message.version,
      parts: try message.parts.convert { part throws(WireError) in
        ManifestPart(
          name: part.name, digest: try Field.digest(part.digest, "ManifestPart.digest"),
          pack: try Field.digest(part.pack, "ManifestPart.pack"), offset: part.offset, length: part.length)
      })
  }

  var message: WirePaperManifest {
    var message = WirePaperManifest()
    message.id = id
    message.version = version
    message.parts = parts.map { part in
      .with {
        $0.name = part.name
        $0.digest = Data(part.digest.bytes)
        $0.pack = Data(part.pack.bytes)
        $0.offset = part.offset
        $0.length = part.length
      }
    }
    return message
  }
}
