import Foundation

/// What a campaign says to a person.
package enum PowerCutReport {
  package static func table(phones: PowerCutResult, servers: PowerCutResult) -> String {
    "phone's store: \(line(phones))\nserver's store: \(line(servers))"
  }

  package static func table(damagedPhones: PowerCutResult, damagedServers: PowerCutResult) -> String {
    "phone's store, damaged: \(line(damagedPhones))\nserver's store, damaged: \(line(damagedServers))"
  }

  package static func line(_ result: PowerCutResult) -> String {
    let counts = result.counts
    var parts = [
      "\(counts.cycles) cycles", "\(rate(result.cyclesPerCoreSecond)) a second and core",
      "\(counts.cuts) power cuts", "\(counts.kills) kills", "\(counts.nestedCuts) during recovery",
      "\(counts.steps) steps", "lost \(result.failures.count)",
    ]
    if counts.failStops > 0 { parts.append("\(counts.failStops) errors of the disk, nothing saved after them") }
    if counts.refusedForSpace > 0 { parts.append("\(counts.refusedForSpace) refused for space") }
    if counts.updates > 0 { parts.append("\(counts.updates) updates of an earlier version's file") }
    if counts.inFlightKept > 0 { parts.append("\(counts.inFlightKept) steps under way survived") }
    if counts.damages > 0 {
      parts.append(
        "\(counts.damages) damages: \(counts.refused) refused to open, \(counts.lossesNoticed) told "
          + "(\(counts.quarantined) set aside), \(counts.lossesNoticedByServer) told by the server's mark, "
          + "\(counts.earlierStates) earlier states of what had not left, \(counts.foreignStores) another's store")
    }
    let lied = counts.damages > 0 ? 0 : counts.lossesNoticed + counts.lossesNoticedByServer + counts.earlierStates
    if lied > 0 {
      parts.append(
        "lying disks: \(counts.lossesNoticed) losses noticed (\(counts.quarantined) set aside), "
          + "\(counts.lossesNoticedByServer) told by the server's mark, \(counts.earlierStates) earlier states of what "
          + "had not left the phone")
    }
    parts.append("digest \(String(result.digest, radix: 16))")
    return parts.joined(separator: ", ")
  }

  package static func line(
    _ operation: PowerCutWalk.Operation, of lane: PowerCutPlan.Lane, _ result: PowerCutWalk.Result
  ) -> String {
    "\(lane.rawValue), \(operation.rawValue): \(result.calls) calls, \(result.points) ends, "
      + "\(result.nestedPoints) with a second one, lost \(result.outcome.failures.count), "
      + "\(rate(result.outcome.processorSeconds)) s, digest \(String(result.outcome.digest, radix: 16))"
  }

  package static func line(_ setting: BareSQLite.Setting, _ result: BareSQLite.Result) -> String {
    "bare SQLite, \(setting.rawValue): \(result.cycles) cycles, \(rate(result.cyclesPerCoreSecond)) a second and core, "
      + "lost saves in \(result.cyclesWithLoss), damaged \(result.damaged)"
  }

  private static func rate(_ value: Double) -> String { String(Int(value.rounded())) }
}
