import ExamStore
import Foundation
import Synchronization

/// Makes the disks of a run.
enum SimDisks {
  static func plain() throws -> any SimStorage { try TemporaryStorage() }

  static func disk(_ decisions: Decisions, node: SimNode) throws -> any SimStorage { try TemporaryStorage() }
}

/// A folder in the machine's memory.
final class TemporaryStorage: SimStorage {
  private static let count = Atomic<UInt64>(0)
  private let folder: String
  let vfsName: String? = nil
  let files: any StoreFiles = SystemFiles()
  private(set) var isDead = false
  let callCount: UInt64 = 0

  init() throws {
    let number = Self.count.add(1, ordering: .relaxed).newValue
    folder = "/dev/shm/examsync-\(ProcessInfo.processInfo.processIdentifier)-\(number)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }
  func scheduleKill(atCall call: UInt64?) {}
  func schedulePowerCut(atCall call: UInt64?) {}
  func kill() { isDead = true }
  func powerCut() { isDead = true }
  func restart() { isDead = false }

  func snapshot() -> SimImage {
    var content: [String: Data] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      content[name] = FileManager.default.contents(atPath: path(name))
    }
    return SimImage(content)
  }

  func restore(_ image: SimImage) {
    guard let content = image.content as? [String: Data] else { return }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      try? FileManager.default.removeItem(atPath: path(name))
    }
    for (name, data) in content { try? data.write(to: URL(fileURLWithPath: path(name))) }
  }

  func close() { try? FileManager.default.removeItem(atPath: folder) }
}
