/// What is wrong with a disk besides its power, for a whole life.
enum PowerCutFamily: Int64 {
  case none = 0
  case errors, syncErrors, fullDisk, lies

  private static let kilobyte = 1_024

  init(choice: Int64) { self = PowerCutFamily(rawValue: choice) ?? .none }

  /// What goes wrong in the next session.
  func faults(on disk: VirtualDisk, beside planted: DiskFaults) -> DiskFaults {
    var faults = planted
    switch self {
    case .none: break
    case .errors:
      faults.writeErrorsPerMillion = 8_000
      faults.readErrorsPerMillion = 8_000
      faults.truncateErrorsPerMillion = 50_000
    case .syncErrors: faults.syncErrorsPerMillion = 60_000
    case .fullDisk: faults.capacityBytes = disk.usedBytes + 12 * Self.kilobyte
    case .lies: faults.lyingSyncsPerMillion = 300_000
    }
    return faults
  }
}
