import SyncCore

/// Which families of faults a run has, and how strong: drawn for each seed, so that no two seeds try the same mix.
///
/// A fifth of the seeds is calm: long runs in which hardly anything goes wrong find what storms hide.
struct Swarm {
  /// Faults of each family: 0 for off, to 3.
  private var strengths: [Family: Int64] = [:]
  private(set) var variant = SimShape.Variant.plain
  private(set) var isStormy = false

  enum Family: Int, CaseIterable {
    case requests, responses, slowness, links, kills, power, diskErrors, serverDeaths, serverDisk, clocks, suspends
    case newDevices, secondDevices, oldBackups, proctor, locks, nemeses
  }

  init(_ decisions: Decisions, options: SimOptions) {
    let drawn = decisions.next(.swarm, node: 0) { $0.number(in: 0...Int64(SimShape.Variant.allCases.count - 1)) }
    variant = SimShape.Variant(rawValue: Int(drawn)) ?? .plain
    let isCalm = options.isCalm
    let storm = decisions.next(.swarm, node: 0) { !isCalm && $0.number(in: 0...4) > 0 ? 1 : 0 }
    isStormy = storm != 0
    for family in Family.allCases {
      strengths[family] = decisions.next(.swarm, node: 0) { generator in
        guard storm != 0, generator.number(in: 0...99) < family.percentOn else { return 0 }
        return generator.number(in: 1...3)
      }
    }
  }

  func strength(_ family: Family) -> Int { Int(strengths[family, default: 0]) }

  private func pick(_ family: Family, _ values: [Int64]) -> Int64 { values[strength(family)] }

  var requestFaultsPerMillion: Int64 { pick(.requests, [0, 5_000, 30_000, 150_000]) }
  var responseFaultsPerMillion: Int64 { pick(.responses, [0, 5_000, 30_000, 150_000]) }
  var slownessPerMillion: Int64 { pick(.slowness, [0, 10_000, 50_000, 200_000]) }
  /// In a thousand, each time that one is asked for.
  var linkRate: Int64 { pick(.links, [0, 100, 300, 700]) }
  var killRate: Int64 { pick(.kills, [0, 30, 150, 400]) }
  var powerRate: Int64 { pick(.power, [0, 20, 80, 250]) }
  var serverDeathRate: Int64 { pick(.serverDeaths, [0, 30, 120, 400]) }
  var clockRate: Int64 { pick(.clocks, [0, 50, 150, 400]) }
  var suspendRate: Int64 { pick(.suspends, [0, 50, 150, 400]) }
  var proctorRate: Int64 { pick(.proctor, [0, 60, 200, 500]) }
  var lockRate: Int64 { pick(.locks, [0, 3, 10, 30]) }
  /// The greatest distance to a kill, in calls of the disk.
  var killCalls: Int64 { 500 }

  var phoneDisk: DiskFaults { diskFaults(strength(.diskErrors)) }
  var serverDisk: DiskFaults { diskFaults(strength(.serverDisk)) }

  private func diskFaults(_ strength: Int) -> DiskFaults {
    var faults = DiskFaults()
    let rate = [0, 20, 100, 500][strength]
    faults.readErrorsPerMillion = rate / 4
    faults.shortReadsPerMillion = rate / 4
    faults.writeErrorsPerMillion = rate
    faults.truncateErrorsPerMillion = rate
    faults.deleteErrorsPerMillion = rate
    faults.syncErrorsPerMillion = rate
    return faults
  }
}

extension Swarm.Family {
  fileprivate var percentOn: Int64 {
    switch self {
    case .oldBackups, .serverDisk: 20
    case .diskErrors, .newDevices, .secondDevices: 30
    case .nemeses: 60
    default: 50
    }
  }
}
