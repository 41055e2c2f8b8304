import ExamModel
import SyncProtocol

import struct Foundation.Data

extension SyncRequest: GeneratedConvertible {
  init(_ message: WireSyncRequest) throws(WireError) {
    guard (Limits.oldestProtocolVersion...Limits.protocolVersion).contains(message.protocol) else {
      throw WireError("SyncRequest.protocol", "version \(message.protocol) is not spoken here")
    }
    try Field.atMost(Limits.pushesPerRequest, message.pushes.count, "SyncRequest.pushes")
    try Field.atMost(Limits.scopesPerRequest, message.scopes.count, "SyncRequest.scopes")
    try Field.atMost(Limits.headQueriesPerRequest, message.headQueries.count, "SyncRequest.head_queries")
    try Field.atMost(
      Limits.presentedReceiptsPerRequest, message.presentedReceipts.count, "SyncRequest.presented_receipts")
    self.init(
      pushes: try message.pushes.convert { push throws(WireError) in try Push(push) },
      scopes: try message.scopes.convert { cursor throws(WireError) in try ScopeCursor(cursor) },
      waitMilliseconds: min(message.waitMs, Limits.waitMilliseconds),
      headQueries: try message.headQueries.convert { query throws(WireError) in try HeadQuery(query) },
      presentedReceipts: message.presentedReceipts.map { Array($0) },
      appVersion: message.appVersion)
  }

  var message: WireSyncRequest {
    var message = WireSyncRequest()
    message.protocol = Limits.protocolVersion
    message.pushes = pushes.map(\.message)
    message.scopes = scopes.map(\.message)
    message.waitMs = waitMilliseconds
    message.headQueries = headQueries.map(\.message)
    message.presentedReceipts = presentedReceipts.map { Data($0) }
    message.appVersion = appVersion
    return message
  }
}

extension Push: GeneratedConvertible {
  init(_ message: WirePush) throws(WireError) {
    try Field.atMost(Limits.pushEntries, message.bodies.count, "Push.bodies")
    guard !message.bodies.isEmpty else { throw WireError("Push.bodies", "must not be empty") }
    guard message.first >= 1, message.first < UInt64(Int64.max) - UInt64(Limits.pushEntries) else {
      throw WireError("Push.first", "must be at least 1, and no sequence may pass 2^63")
    }
    guard message.bodies.allSatisfy({ $0.count <= Limits.entryBytes }) else {
      throw WireError("Push.bodies", "an entry has at most \(Limits.entryBytes) bytes", isOverLimit: true)
    }
    guard message.bodies.reduce(0, { $0 + $1.count }) <= Limits.pushBytes else {
      throw WireError("Push.bodies", "a push has at most \(Limits.pushBytes) bytes", isOverLimit: true)
    }
    self.init(
      journal: try Field.id(message.journal, "Push.journal"),
      subject: message.subject.isEmpty ? nil : try Field.id(message.subject, "Push.subject"),
      first: message.first, bodies: message.bodies.map { Array($0) },
      head: try Field.digest(message.head, "Push.head"), lease: message.lease)
  }

  var message: WirePush {
    var message = WirePush()
    message.journal = Data(journal.bytes)
    message.first = first
    message.bodies = bodies.map { Data($0) }
    message.head = Data(head.bytes)
    message.lease = lease
    if let subject { message.subject = Data(subject.bytes) }
    return message
  }
}

extension ScopeCursor: GeneratedConvertible {
  init(_ message: WireScopeCursor) throws(WireError) {
    self.init(
      scope: try Field.id(message.scope, "ScopeCursor.scope"),
      cursor: Cursor(epoch: message.epoch, version: message.version), staged: message.staged)
  }

  var message: WireScopeCursor {
    var message = WireScopeCursor()
    message.scope = Data(scope.bytes)
    message.epoch = cursor.epoch
    message.version = cursor.version
    message.staged = staged
    return message
  }
}

extension HeadQuery: GeneratedConvertible {
  init(_ message: WireHeadQuery) throws(WireError) {
    try Field.atMost(Limits.headsPerQuery, message.sequences.count, "HeadQuery.sequences")
    self.init(journal: try Field.id(message.journal, "HeadQuery.journal"), sequences: message.sequences)
  }

  var message: WireHeadQuery {
    var message = WireHeadQuery()
    message.journal = Data(journal.bytes)
    message.sequences = sequences
    return message
  }
}

extension SyncResponse: GeneratedConvertible {
  init(_ message: WireSyncResponse) throws(WireError) {
    self.init(
      acknowledgements: try message.acknowledgements.convert { value throws(WireError) in
        try Acknowledgement(value)
      },
      deltas: try message.deltas.convert { delta throws(WireError) in try Delta(delta) },
      heads: try message.heads.convert { head throws(WireError) in try HeadAnswer(head) },
      receivedAt: try Field.milliseconds(message.receivedAt, "SyncResponse.received_at"),
      heldMilliseconds: message.heldMs, nextMilliseconds: message.nextMs,
      timeProof: Array(message.timeProof), isStale: message.stale)
  }

  var message: WireSyncResponse {
    var message = WireSyncResponse()
    message.acknowledgements = acknowledgements.map(\.message)
    message.deltas = deltas.map(\.message)
    message.heads = heads.map(\.message)
    message.receivedAt = UInt64(clamping: receivedAt)
    message.heldMs = heldMilliseconds
    message.nextMs = nextMilliseconds
    message.timeProof = Data(timeProof)
    message.stale = isStale
    return message
  }
}

extension Acknowledgement: GeneratedConvertible {
  init(_ message: WireAcknowledgement) throws(WireError) {
    guard let verdict = PushVerdict(rawValue: message.verdict.rawValue) else {
      throw WireError("Acknowledgement.verdict", "\(message.verdict.rawValue) is not a verdict of this version")
    }
    self.init(
      sequence: message.sequence,
      head: message.head.isEmpty ? .zero : try Field.digest(message.head, "Acknowledgement.head"),
      verdict: verdict, kept: try message.kept.convert { range throws(WireError) in try KeptRange(range) })
  }

  var message: WireAcknowledgement {
    var message = WireAcknowledgement()
    message.sequence = sequence
    if head != .zero { message.head = Data(head.bytes) }
    message.verdict = WirePushVerdict(rawValue: verdict.rawValue) ?? .stored
    message.kept = kept.map(\.message)
    return message
  }
}

extension KeptReason {
  /// A number that this version does not know is ``other``, so that the message around it can be read.
  init(wire number: UInt32) { self = KeptReason(rawValue: Int(number)) ?? .other }
}

extension KeptRange: GeneratedConvertible {
  init(_ message: WireKeptRange) throws(WireError) {
    guard message.from <= message.to else { throw WireError("KeptRange.to", "lies before from") }
    self.init(from: message.from, to: message.to, reason: KeptReason(wire: message.reason))
  }

  var message: WireKeptRange {
    var message = WireKeptRange()
    message.from = from
    message.to = to
    message.reason = UInt32(reason.rawValue)
    return message
  }
}

extension HeadAnswer: GeneratedConvertible {
  init(_ message: WireHeadAnswer) throws(WireError) {
    var heads: [UInt64: Digest256] = [:]
    for head in message.heads { heads[head.sequence] = try Field.digest(head.head, "JournalHead.head") }
    self.init(
      journal: try Field.id(message.journal, "HeadAnswer.journal"), heads: heads, sequence: message.sequence)
  }

  var message: WireHeadAnswer {
    var message = WireHeadAnswer()
    message.journal = Data(journal.bytes)
    message.sequence = sequence
    message.heads = heads.sorted { $0.key < $1.key }.map { entry in
      var head = WireJournalHead()
      head.sequence = entry.key
      head.head = Data(entry.value.bytes)
      return head
    }
    return message
  }
}

extension Delta: GeneratedConvertible {
  init(_ message: WireDelta) throws(WireError) {
    var checkpoint: Checkpoint?
    if message.hasCheckpoint {
      checkpoint = Checkpoint(
        count: message.checkpoint.count,
        digest: ScopeDigest(sum: try Field.digest(message.checkpoint.digest, "Checkpoint.digest")))
    }
    self.init(
      scope: try Field.id(message.scope, "Delta.scope"),
      from: Cursor(epoch: message.fromEpoch, version: message.fromVersion), isReset: message.reset,
      records: message.records.map(Record.init),
      to: Cursor(epoch: message.epoch, version: message.version), checkpoint: checkpoint)
  }

  var message: WireDelta {
    var message = WireDelta()
    message.scope = Data(scope.bytes)
    message.fromEpoch = from.epoch
    message.fromVersion = from.version
    message.reset = isReset
    message.records = records.map(\.message)
    message.epoch = to.epoch
    message.version = to.version
    if let checkpoint {
      message.checkpoint.count = checkpoint.count
      message.checkpoint.digest = Data(checkpoint.digest.sum.bytes)
    }
    return message
  }
}

extension Record {
  init(_ message: WireRecord) {
    self.init(
      collection: message.collection, key: message.key, version: message.version, body: Array(message.body),
      isDeleted: message.deleted)
  }

  var message: WireRecord {
    var message = WireRecord()
    message.collection = collection
    message.key = key
    message.version = version
    message.body = Data(body)
    message.deleted = isDeleted
    return message
  }
}
