package import ExamStore

/// The disk of one node, as the simulator needs it: a place for SQLite files that can die, be restarted, copied and
/// put back.
package protocol SimStorage: AnyObject {
  /// The SQLite VFS that reads and writes it; `nil` for the system's.
  var vfsName: String? { get }
  var files: any StoreFiles { get }
  /// The path of a file by its name.
  func path(_ name: String) -> String
  /// Calls of the disk so far.
  var callCount: UInt64 { get }
  /// Its process died or the power went: nothing takes effect any more until ``restart()``.
  var isDead: Bool { get }
  func scheduleKill(atCall call: UInt64?)
  func schedulePowerCut(atCall call: UInt64?)
  func kill()
  func powerCut()
  func restart()
  func snapshot() -> SimImage
  func restore(_ image: SimImage)
  func close()
}

/// Everything on a disk at one instant.
package struct SimImage: Sendable {
  package var content: any Sendable

  package init(_ content: any Sendable) {
    self.content = content
  }
}
