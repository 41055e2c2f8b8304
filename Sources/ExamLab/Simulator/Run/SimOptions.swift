/// What a run is: together with the code, all of it.
package struct SimOptions: Hashable, Sendable {
  package var seed: UInt64
  package var candidates = 5
  package var questions = 60
  /// Long events that happen whatever the seed says.
  package var nemeses: [NemesisKind] = []
  /// Takes the choices from here and draws none.
  package var plan: [Decision]?
  /// Draws no faults.
  package var isCalm = false
  /// Bodies go over the wire deflated, as they do in earnest; it costs half the speed.
  package var deflates: Bool
  /// The network goes down for good at this true millisecond: for tests of the liveness check.
  package var networkEndsAt: Int64?
  /// A situation that is brought about step by step.
  package var drill: SimDrill?

  package init(seed: UInt64) {
    self.seed = seed
    deflates = seed % 4 == 0
  }

  package static let candidateLimits = 1...50
  package static let questionLimits = 1...200
}

/// Long events with names.
package enum NemesisKind: String, Hashable, Sendable, CaseIterable {
  case examStartHerd = "exam-start-herd"
  case bellHerd = "bell-herd"
  case wifiFlap = "wifi-flap"
  case sealRace = "seal-race"
  case releaseRace = "release-race"
  case killLoop = "kill-loop"
  case twoDevices = "two-devices"
  case oldBackup = "old-backup"
  case clockJumps = "clock-jumps"
  case swizzleClog = "swizzle-clog"
  case diskFull = "disk-full"
  case halfOpen = "half-open"
  /// A phone's files are put back to an earlier state.
  case oldPhone = "old-phone"

  /// Those that a seed draws. An old phone is asked for by name: it loses what it had not sent yet, so what its
  /// candidate was told before counts for less.
  package static let drawn = allCases.filter { $0 != .oldPhone }
}
