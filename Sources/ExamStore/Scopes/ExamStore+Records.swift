public import ExamModel
public import SyncProtocol
public import SyncWire

/// Everything that the scopes say about one attempt.
public struct AttemptTerms: Hashable, Sendable {
  public var attempt: AttemptRecord
  /// `nil` until the exam's scope has arrived.
  public var exam: ExamRecord?
  public var grants: [GrantRecord]
  /// Numbers of locks that do not count.
  public var voids: Set<UInt32>
  public var unlocks: [UnlockRecord]
  /// Ordinals of seals after which the attempt may go on.
  public var reopens: Set<UInt32>

  /// The sum of all time grants.
  public var grantedMilliseconds: Int64 { grants.reduce(0) { $0 &+ $1.milliseconds } }

  /// The window with all grants; `nil` until the exam's scope has arrived.
  public var window: AttemptWindow? {
    exam.map {
      AttemptWindow(
        opens: $0.opensAt, closes: $0.closesAt, durationMilliseconds: $0.durationMilliseconds,
        grantedMilliseconds: grantedMilliseconds)
    }
  }
}

extension ExamStore {
  /// One record of a scope, undecoded; `nil` if there is none.
  public func record(_ collection: String, _ key: String, in scope: ID128) throws(ExamStoreError) -> Record? {
    try ScopeTable(connection: connection).record(scope, collection, key)
  }

  /// The records of a collection in the order of their keys, undecoded.
  public func records(
    _ collection: String, in scope: ID128, keyPrefix: String = ""
  ) throws(ExamStoreError) -> [Record] {
    var records: [Record] = []
    try ScopeTable(connection: connection).records(scope, collection, keyPrefix: keyPrefix) {
      (record) throws(ExamStoreError) in records.append(record)
    }
    return records
  }

  /// One record, decoded; `nil` if there is none. Throws `.recordUnreadable` for one that this version cannot decode.
  public func value<Value: WireMessage>(
    _ type: Value.Type, _ collection: String, _ key: String, in scope: ID128
  ) throws(ExamStoreError) -> Value? {
    guard let record = try record(collection, key, in: scope) else { return nil }
    return try Self.decode(type, record)
  }

  /// The decoded records of a collection by key; those that this version cannot decode are left out.
  public func values<Value: WireMessage>(
    _ type: Value.Type, _ collection: String, in scope: ID128, keyPrefix: String = ""
  ) throws(ExamStoreError) -> [String: Value] {
    var values: [String: Value] = [:]
    try ScopeTable(connection: connection).records(scope, collection, keyPrefix: keyPrefix) {
      (record) throws(ExamStoreError) in
      if let value = try? Value(wire: record.body) { values[record.key] = value }
    }
    return values
  }

  /// The candidate's attempts, as the candidate's scope lists them; empty before the first log-in.
  public func attempts() throws(ExamStoreError) -> [AttemptRecord] {
    guard let candidate = device?.grant?.candidate else { return [] }
    return try values(AttemptRecord.self, ScopeCollection.attempt, in: candidate).values
      .sorted { $0.attempt < $1.attempt }
  }

  /// What the scopes say about an attempt. Throws `.notAssigned` if the candidate's scope has no such attempt.
  public func terms(_ attempt: ID128) throws(ExamStoreError) -> AttemptTerms {
    if let cached = cachedTerms[attempt] { return cached }
    guard let candidate = device?.grant?.candidate,
      let record = try value(AttemptRecord.self, ScopeCollection.attempt, attempt.hex, in: candidate)
    else { throw .notAssigned(attempt) }
    let prefix = "\(attempt.hex)/"
    func numbers(_ collection: String) throws(ExamStoreError) -> Set<UInt32> {
      Set(try values(NumberedRecord.self, collection, in: candidate, keyPrefix: prefix).values.map(\.number))
    }
    let grants = try values(GrantRecord.self, ScopeCollection.grant, in: candidate, keyPrefix: prefix)
    let unlocks = try values(UnlockRecord.self, ScopeCollection.unlock, in: candidate, keyPrefix: prefix)
    let terms = AttemptTerms(
      attempt: record, exam: try value(ExamRecord.self, ScopeCollection.exam, "info", in: record.exam),
      grants: grants.values.sorted { $0.number < $1.number },
      voids: (try numbers(ScopeCollection.void)).union(memories[attempt]?.voids ?? []),
      unlocks: unlocks.values.filter { $0.attempt == attempt }.sorted { $0.number < $1.number },
      reopens: try numbers(ScopeCollection.reopen))
    cachedTerms[attempt] = terms
    return terms
  }

  /// What the server last said about the answers of an attempt, all parts together; `nil` if it said nothing.
  ///
  /// - Throws: `.recordUnreadable` if any part cannot be read: a smaller sheet must not pass for the whole.
  public func serverAnswers(of attempt: ID128) throws(ExamStoreError) -> AnswersRecord? {
    guard let candidate = device?.grant?.candidate else { return nil }
    let key = AnswersRecord.key(attempt: attempt)
    guard var answers = try value(AnswersRecord.self, ScopeCollection.answers, key, in: candidate),
      answers.attempt == attempt
    else { return nil }
    for record in try records(ScopeCollection.answers, in: candidate, keyPrefix: "\(key)/") {
      guard AnswersRecord.part(ofKey: record.key, attempt: attempt) != nil else { continue }
      answers.merge(try Self.decode(AnswersRecord.self, record))
    }
    return answers
  }

  private static func decode<Value: WireMessage>(_ type: Value.Type, _ record: Record) throws(ExamStoreError) -> Value {
    do { return try Value(wire: record.body) } catch {
      throw ExamStoreError(
        .recordUnreadable,
        "Record \(record.collection)/\(record.key) cannot be read by this version (\(error)). Update the app.")
    }
  }
}
