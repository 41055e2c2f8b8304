import Foundation
import Testing

@testable import ExamLab

/// Short campaigns with the real commands, which stand beside the tests once everything is built.
@Suite(.serialized) struct KillRunTests {
  private static let binaries: String? = {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let candidates = [own, CommandLine.arguments[0], Bundle.main.bundlePath + "/tests"].map {
      ($0 as NSString).deletingLastPathComponent
    }
    return candidates.first { folder in
      ["exam-server", "exam-client"].allSatisfy { FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)") }
    }
  }()

  private static let folder = NSTemporaryDirectory() + "exam-lab-tests-\(getpid())"

  private static let tracerObstacle: String? = {
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return Strace.obstacle(folder: folder)
  }()

  private func campaign(_ lanes: [KillLaneName]) throws -> KillCampaign {
    var options = KillOptions(
      binaries: try #require(Self.binaries), outputFolder: "\(Self.folder)/\(lanes.map(\.rawValue).joined())")
    options.lanes = lanes
    options.jobs = 2
    return try KillCampaign(options)
  }

  private func expectClean(_ campaign: KillCampaign, _ range: Range<Int>) -> [KillOutcome] {
    let outcomes = campaign.run(range)
    #expect(outcomes.count == range.count)
    #expect(outcomes.flatMap(\.problems) == [])
    #expect(outcomes.map(\.run) == Array(range))
    if outcomes.allSatisfy(\.isClean) { try? FileManager.default.removeItem(atPath: campaign.options.outputFolder) }
    return outcomes
  }

  /// Two runs at once that had the same port would take one server for both of theirs.
  @Test func noPortIsGivenOutTwice() throws {
    let ports = try (0..<300).map { _ in try ServerUnderTest.freePort() }
    #expect(Set(ports).count == ports.count)
  }

  @Test(
    .enabled(if: binaries != nil, "exam-client and exam-server are not beside the tests: build everything first"),
    .enabled(if: tracerObstacle == nil, "strace may not run here, so nothing is killed at a system call"))
  func i1ASaveKilledAtItsSystemCallsLosesNothing() throws {
    let outcomes = expectClean(try campaign([.save]), 0..<10)
    #expect(outcomes.allSatisfy { $0.point != nil }, "every run is struck at its point")
    #expect(Set(outcomes.compactMap(\.point)).isSuperset(of: ["pwrite64 exam.db-wal", "fdatasync exam.db-wal"]))
    #expect(outcomes.reduce(0) { $0 + $1.confirmed } > 0)
  }

  @Test(
    .enabled(if: binaries != nil, "exam-client and exam-server are not beside the tests: build everything first"),
    .enabled(if: tracerObstacle == nil, "strace may not run here, so no call of the storage fails"))
  func i27NothingIsSavedAfterTheStorageFailed() throws {
    let outcomes = expectClean(try campaign([.error]), 0..<6)
    #expect(outcomes.contains { $0.point?.hasPrefix("EIO") == true })
    #expect(outcomes.contains { $0.point?.hasPrefix("ENOSPC") == true })
  }

  @Test(.enabled(if: binaries != nil, "exam-client and exam-server are not beside the tests: build everything first"))
  func i8WhatAKilledServerAcknowledgedIsThere() throws {
    let outcomes = expectClean(try campaign([.server]), 0..<2)
    #expect(outcomes.allSatisfy { $0.confirmed > 0 })
  }

  @Test(.enabled(if: binaries != nil, "exam-client and exam-server are not beside the tests: build everything first"))
  func i24BothSidesAreEqualAfterEveryKindOfPartition() throws {
    var options = PartitionOptions(
      binaries: try #require(Self.binaries), outputFolder: "\(Self.folder)/partition")
    options.jobs = 2
    let campaign = try PartitionCampaign(options)
    let outcomes = campaign.run(0..<PartitionFault.allCases.count)
    #expect(outcomes.flatMap(\.comparison.problems) == [])
    #expect(outcomes.map(\.fault) == PartitionFault.allCases)
    if outcomes.allSatisfy(\.isClean) { try? FileManager.default.removeItem(atPath: options.outputFolder) }
  }

  /// A phone that throws its newest writes away at every start: what every comparison here has to find.
  @Test(.enabled(if: binaries != nil, "exam-client and exam-server are not beside the tests: build everything first"))
  func aPhoneThatForgetsIsFound() throws {
    let real = try #require(Self.binaries)
    let planted = "\(Self.folder)/planted"
    try? FileManager.default.removeItem(atPath: planted)
    try FileManager.default.createDirectory(atPath: planted, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: "\(planted)/exam-server", withDestinationPath: "\(real)/exam-server")
    // The store is the fourth argument: run - --store FOLDER
    let script = "#!/bin/sh\nrm -f \"$4\"/exam.db-wal\nexec '\(real)/exam-client' \"$@\"\n"
    try script.write(toFile: "\(planted)/exam-client", atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(planted)/exam-client")
    let options = PartitionOptions(binaries: planted, outputFolder: "\(planted)/partition")
    let killed = PartitionFault.allCases.firstIndex(of: .kill) ?? 0
    let outcomes = try PartitionCampaign(options).run(killed..<killed + 1)
    #expect(outcomes.map(\.fault) == [.kill])
    #expect(outcomes.contains { !$0.comparison.lost.isEmpty || !$0.comparison.wrong.isEmpty })
    try? FileManager.default.removeItem(atPath: planted)
  }

  @Test func aFolderWithoutCommandsIsNamed() {
    #expect(throws: RoomError.self) {
      try LabStage(binaries: "/nowhere", folder: "\(Self.folder)/none", phones: 1)
    }
  }
}
