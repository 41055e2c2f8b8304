import ExamModel
import SyncProtocol

/// Deltas: staged page by page, applied at the checkpoint, repaired by a reset.
extension SyncCore {
  mutating func take(_ delta: Delta, of flight: Flight) {
    guard let index = scopeIndex(delta.scope),
      let asked = flight.plan.scopes.first(where: { $0.scope == delta.scope })
    else { return sometimes(.deltaOfUnknownScope) }
    guard delta.from == scopes[index].cursor.cursor, asked.cursor == delta.from, scopes[index].owedSince == nil else {
      sometimes(.deltaFromOtherCursor)
      return fail(\.pollLane)
    }
    if delta.isReset { sometimes(.scopeReset) }
    // A first reading begins with a reset too; only an epoch after another tells of a restart or a restore.
    if delta.to.epoch != scopes[index].epoch, scopes[index].epoch != 0 || journals.contains(where: \.wasAcknowledged) {
      doubtServer()
    }
    scopes[index].epoch = delta.to.epoch
    scopes[index].owedSince = now
    effects.append(delta.checkpoint == nil ? .stage(delta) : .apply(delta))
  }

  /// Nothing new came for these.
  ///
  /// - Returns: whether that was news.
  mutating func markCurrent(_ cursors: [ScopeCursor]) -> Bool {
    var isNews = false
    for cursor in cursors {
      guard let index = scopeIndex(cursor.scope), scopes[index].cursor == cursor, !scopes[index].isCurrent else {
        continue
      }
      scopes[index].isCurrent = true
      isNews = true
    }
    return isNews
  }

  mutating func deltaStored(_ id: ID128, _ result: DeltaResult) {
    guard let index = scopeIndex(id), scopes[index].owedSince != nil else { return sometimes(.unsolicitedResult) }
    scopes[index].owedSince = nil
    switch result {
    case .staged(let version):
      sometimes(.morePages)
      if version == scopes[index].cursor.staged { fail(\.pollLane) }
      scopes[index].cursor.staged = version
      pollLane.waitForSlot(at: now)
    case .applied(let cursor):
      scopes[index].cursor = ScopeCursor(scope: id, cursor: cursor)
      scopes[index].isCurrent = true
    case .dropped(let stored):
      sometimes(.deltaFromOtherCursor)
      scopes[index].cursor = stored
      fail(\.pollLane)
    case .digestMismatch(let stored):
      digestDiffers(index, stored: stored)
    }
  }

  /// One forced reset in ten minutes. If the store refused the delta, asking again would bring the same one, so the
  /// scope rests until then; if it applied it, the scope goes on being read meanwhile.
  private mutating func digestDiffers(_ index: Int, stored: ScopeCursor) {
    sometimes(.digestMismatch)
    digestMismatchCount += 1
    notice(.digestMismatch(scope: scopes[index].id))
    let isStuck = stored.cursor == scopes[index].cursor.cursor
    scopes[index].cursor = stored
    scopes[index].needsRepair = true
    guard scopes[index].repairAllowedAt > now else { return }
    sometimes(.digestRepairHeldBack)
    if isStuck { scopes[index].heldUntil = max(scopes[index].heldUntil, scopes[index].repairAllowedAt) }
  }

  /// Forgets the cursors of scopes whose repair is due.
  mutating func repairScopes() {
    for index in scopes.indices {
      let scope = scopes[index]
      guard scope.needsRepair, scope.owedSince == nil, scope.repairAllowedAt <= now else { continue }
      sometimes(.digestRepairForced)
      digestRepairCount += 1
      scopes[index].needsRepair = false
      scopes[index].isCurrent = false
      scopes[index].lastRepairAt = now
      scopes[index].cursor = ScopeCursor(scope: scope.id, cursor: .start)
      pollLane.waitForSlot(at: now)
      effects.append(.forgetCursor(scope: scope.id))
    }
  }
}
