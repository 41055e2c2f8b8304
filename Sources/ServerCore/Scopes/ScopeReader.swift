import ExamModel
import SyncProtocol

/// Gives out deltas.
extension ServerCore {
  /// What is new in the scopes that a session asks for; unknown and refused ones look the same: they give nothing.
  func deltas(for cursors: [ScopeCursor], session: ID128, candidate: ID128) throws -> [Delta] {
    var deltas: [Delta] = []
    var bytes = 0
    var seen: Set<ID128> = []
    for cursor in cursors.prefix(Limits.scopesPerRequest) {
      guard seen.insert(cursor.scope).inserted, try mayRead(cursor.scope, candidate: candidate) else { continue }
      guard bytes < configuration.deltaBytesPerResponse else { break }
      if let delta = try delta(for: cursor, session: session) {
        bytes += delta.records.reduce(0) { $0 + Self.sizeOnWire($1) }
        deltas.append(delta)
      }
    }
    return deltas
  }

  func mayRead(_ scope: ID128, candidate: ID128) throws -> Bool {
    if scope == candidate { return true }
    guard exams[scope] != nil else { return false }
    return try examsOf(candidate).contains(scope)
  }

  /// One page, or `nil` when the cursor is up to date.
  func delta(for cursor: ScopeCursor, session: ID128) throws -> Delta? {
    let scope = try scopes.scope(cursor.scope, store)
    let known = scopes.lastVersion(of: cursor.cursor.epoch, in: scope)
    let isGood = known.map { cursor.cursor.version <= $0 && cursor.cursor.version >= scope.row.horizon } ?? false
    // A cursor of an earlier epoch is answered though nothing is new: a device that has nothing to push hears only so
    // that the server was restarted, or restored, and asks what it still has.
    let isUpToDate = isGood && cursor.cursor.version == scope.row.version && cursor.staged == 0
    if isUpToDate, cursor.cursor.epoch == epoch { return nil }
    let stagedIsGood = cursor.staged <= (isGood ? known ?? 0 : scope.row.version)
    let place = ResetPlace(session: session, scope: cursor.scope)
    let isUnderWay = isGood ? cursor.staged > cursor.cursor.version : resets.contains(place)
    let resumes = cursor.staged > 0 && stagedIsGood && isUnderWay
    let isReset = !resumes && (!isGood || cursor.staged > 0)
    if isReset {
      if resets.count >= Self.resetsRemembered { resets.removeAll() }
      resets.insert(place)
    } else if isGood {
      resets.remove(place)
    }
    let from = resumes ? cursor.staged : (isReset ? 0 : cursor.cursor.version)
    let key = DeltaKey(scope: cursor.scope, from: from, to: scope.row.version)
    let page = try deltaPages[key] ?? readPage(scope, from: from)
    if exams[cursor.scope] != nil {
      if deltaPages.count >= Self.cachedPages { deltaPages.removeAll() }
      deltaPages[key] = page
    }
    return Delta(
      scope: cursor.scope, from: cursor.cursor, isReset: isReset, records: page.records,
      to: Cursor(epoch: epoch, version: page.to),
      checkpoint: page.isLast ? Checkpoint(count: scope.row.count, digest: scope.row.digest) : nil)
  }

  private func readPage(_ scope: ScopeMemory, from: UInt64) throws -> DeltaPage {
    var page = DeltaPage(records: [], to: scope.row.version, isLast: true)
    var bytes = 0
    try store.records(scope: scope.row.id, above: from) { record in
      bytes += Self.sizeOnWire(record)
      if bytes > Limits.deltaPageBytes, let last = page.records.last {
        page.to = last.version
        page.isLast = false
        return false
      }
      page.records.append(record)
      return true
    }
    return page
  }

  static let cachedPages = 64
  static let resetsRemembered = 100_000

  /// About what a record takes in a delta.
  static func sizeOnWire(_ record: Record) -> Int {
    record.body.count + record.key.utf8.count + record.collection.utf8.count + 32
  }
}

/// A delta that began with `reset` and is not complete: only its first page says so, and only a device that got that
/// page from this process may go on where it is. After a restart it begins anew.
struct ResetPlace: Hashable {
  var session: ID128
  var scope: ID128
}

struct DeltaKey: Hashable {
  var scope: ID128
  var from: UInt64
  var to: UInt64
}

/// A page that many devices of one exam read.
struct DeltaPage {
  var records: [Record]
  var to: UInt64
  var isLast: Bool
}
