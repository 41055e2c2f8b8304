import Foundation
import Synchronization

/// What happens to the traced phone at a point.
enum InjectedFault: String, Sendable, CaseIterable {
  case kill = "SIGKILL"
  case inputOutputOnce = "EIO once"
  case inputOutputForEver = "EIO for ever"
  case noSpaceOnce = "ENOSPC once"
  case noSpaceForEver = "ENOSPC for ever"

  var isInputOutput: Bool { self == .inputOutputOnce || self == .inputOutputForEver }

  func tracer(_ point: KillPoint, log: String) -> [String] {
    switch self {
    case .kill: Strace.killing(at: point, log: log)
    case .inputOutputOnce: Strace.failing(at: point, error: "EIO", forEver: false, log: log)
    case .inputOutputForEver: Strace.failing(at: point, error: "EIO", forEver: true, log: log)
    case .noSpaceOnce: Strace.failing(at: point, error: "ENOSPC", forEver: false, log: log)
    case .noSpaceForEver: Strace.failing(at: point, error: "ENOSPC", forEver: true, log: log)
    }
  }
}

/// One fault at one point of one script.
struct KillCase: Sendable {
  var script: PhoneScript
  var point: KillPoint
  var fault: InjectedFault
}

/// Every point of a script, then every point of the next: the n-th run of a kind is always the same.
final class KillPlan: Sendable {
  private struct Counted: Sendable {
    var cases: [KillCase]
    var shadowed: Int
  }

  let stage: LabStage
  private let folder: String
  private let seed: UInt64
  private let counted = Mutex<[String: Counted]>([:])

  /// `folder` is where the runs that count take place.
  init(stage: LabStage, folder: String, seed: UInt64) {
    self.stage = stage
    self.folder = folder
    self.seed = seed
  }

  /// The case of the `index`-th run of a kind; counts the calls of its script where nobody has yet.
  func item(_ lane: KillLaneName, index: Int) throws -> KillCase {
    var rest = index
    var variant = 0
    while true {
      let cases = try self.cases(lane, variant: variant).cases
      guard !cases.isEmpty else {
        throw RoomError("strace saw no call of the phone in \(lane.rawValue); its log is in \(folder)")
      }
      if rest < cases.count { return cases[rest] }
      rest -= cases.count
      variant += 1
    }
  }

  /// How many points the first script of a kind has, and how many of its calls cannot be told apart.
  func size(_ lane: KillLaneName) throws -> (points: Int, shadowed: Int) {
    let first = try cases(lane, variant: 0)
    return (first.cases.count, first.shadowed)
  }

  private func cases(_ lane: KillLaneName, variant: Int) throws -> Counted {
    // Counted under the lock: others wait for it instead of counting it again.
    try counted.withLock { counted in
      let key = "\(lane.rawValue) \(variant)"
      if let known = counted[key] { return known }
      let script = PhoneScript.draw(lane, variant: variant, seed: seed)
      let target = "\(folder)/count-\(lane.rawValue)-\(variant)"
      let run = PhoneRun(stage: stage, folder: target, script: script)
      let (points, shadowed) = KillPointCounter.points(try run.count(), steps: script.counted)
      let found = Counted(cases: Self.expand(points, lane, script), shadowed: shadowed)
      counted[key] = found
      try? FileManager.default.removeItem(atPath: target)
      return found
    }
  }

  private static func expand(_ points: [KillPoint], _ lane: KillLaneName, _ script: PhoneScript) -> [KillCase] {
    guard lane == .error else { return points.map { KillCase(script: script, point: $0, fault: .kill) } }
    let storage = points.filter { PhoneRun.journalFiles.contains($0.target) }
    return storage.flatMap { point -> [KillCase] in
      let faults: [InjectedFault] =
        switch point.call {
        case "pwrite64": [.inputOutputOnce, .noSpaceOnce, .inputOutputForEver, .noSpaceForEver]
        case "fdatasync", "fsync": [.inputOutputOnce, .inputOutputForEver]
        default: []
        }
      return faults.map { KillCase(script: script, point: point, fault: $0) }
    }
  }
}
