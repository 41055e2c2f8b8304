import ExamModel
import Foundation
import SQLite
import SyncProtocol

/// One thing that `doctor` looked at.
public struct DoctorFinding: Codable, Sendable {
  public var name: String
  public var isGood: Bool
  /// What was found, and what to do where it is not good.
  public var detail: String
}

/// Looks a data directory over. The store itself is opened only when no server has it open.
public enum Doctor {
  public static func examine(_ directory: DataDirectory) -> [DoctorFinding] {
    let library = LibraryVersion.linked
    var findings = [
      DoctorFinding(
        name: "protocol", isGood: true,
        detail: "version \(Limits.oldestProtocolVersion) to \(Limits.protocolVersion)"),
      DoctorFinding(name: "sqlite", isGood: true, detail: library.note ?? "version \(library)"),
    ]
    findings.append(identity(directory))
    findings.append(permissions(directory.adminTokenFile))
    let owner = DirectoryLock.owner(of: directory)
    if let owner {
      findings.append(
        DoctorFinding(
          name: "store", isGood: true,
          detail: "open in process \(owner.pid) at \(owner.operatorAddress ?? "no address yet"): not looked into"))
    } else {
      findings += store(directory.store)
    }
    findings.append(blobs(directory.blobs))
    if let free = FileSystem.freeBytes(directory.path) {
      let isEnough = free > 512 << 20
      findings.append(
        DoctorFinding(
          name: "disk", isGood: isEnough,
          detail: "\(free >> 20) MiB free" + (isEnough ? "" : ": make room before the exam")))
    }
    return findings
  }

  private static func identity(_ directory: DataDirectory) -> DoctorFinding {
    do {
      let key = try directory.identity()
      let finding = permissions(directory.identityFile)
      guard finding.isGood else { return finding }
      return DoctorFinding(
        name: "identity", isGood: true, detail: "fingerprint \(Fingerprint.of(key.publicKey))")
    } catch {
      return DoctorFinding(name: "identity", isGood: false, detail: "\(error)")
    }
  }

  private static func permissions(_ path: String) -> DoctorFinding {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    guard let mode = FileSystem.mode(path) else {
      return DoctorFinding(name: name, isGood: false, detail: "\(path) is missing: put it back from its copy")
    }
    let isGood = mode & 0o077 == 0
    return DoctorFinding(
      name: name, isGood: isGood,
      detail: isGood ? "readable by its owner only" : "others can read it: chmod 600 \(path)")
  }

  private static func store(_ path: String) -> [DoctorFinding] {
    do {
      var options = ConnectionOptions.durable
      options.createsIfMissing = false
      let connection = try Connection(path: path, options: options)
      let problems = try connection.integrityCheck(maximumProblems: 3)
      try connection.close()
      let settings = "WAL, synchronous FULL, exclusive lock: every setting was read back"
      return [
        DoctorFinding(name: "pragmas", isGood: true, detail: settings),
        DoctorFinding(
          name: "store", isGood: problems.isEmpty,
          detail: problems.isEmpty ? "sound" : problems.joined(separator: "; ") + ": restore the newest backup"),
      ]
    } catch {
      return [DoctorFinding(name: "store", isGood: false, detail: "\(error)")]
    }
  }

  private static func blobs(_ folder: String) -> DoctorFinding {
    var sound = 0
    var broken: [String] = []
    for prefix in (try? FileManager.default.contentsOfDirectory(atPath: folder))?.sorted() ?? [] {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(prefix)"))?.sorted() ?? [] {
        guard let digest = Digest256(hex: name),
          let bytes = try? FileSystem.readAll("\(folder)/\(prefix)/\(name)", limit: Limits.blobBytes),
          Hash.sha256(bytes) == digest
        else {
          broken.append(name)
          continue
        }
        sound += 1
      }
    }
    return DoctorFinding(
      name: "blobs", isGood: broken.isEmpty,
      detail: broken.isEmpty
        ? "\(sound) sound" : "\(broken.count) are not what their name says (\(broken[0])): publish the paper again")
  }
}
