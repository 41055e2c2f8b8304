import ExamModel
import Foundation
import SyncProtocol
import Testing

@testable import ExamStore

#if os(Linux)
  import Glibc

  /// A disk of a few MiB that is really full: a tmpfs that only one thread sees.
  private enum SmallDisk {
    private typealias Unshare = @convention(c) (CInt) -> CInt
    private typealias Mount =
      @convention(c) (
        UnsafePointer<CChar>?, UnsafePointer<CChar>, UnsafePointer<CChar>?, UInt, UnsafeRawPointer?
      ) -> CInt
    private typealias Unmount = @convention(c) (UnsafePointer<CChar>, CInt) -> CInt

    private static let newMountNamespace: CInt = 0x0002_0000
    private static let recursivelyPrivate: UInt = 0x4000 | 0x4_0000

    static let isPermitted: Bool = {
      let answer = NSCondition()
      nonisolated(unsafe) var isPermitted: Bool?
      Thread.detachNewThread {
        let permitted = detach()
        answer.withLock {
          isPermitted = permitted
          answer.signal()
        }
      }
      return answer.withLock {
        while isPermitted == nil { answer.wait() }
        return isPermitted ?? false
      }
    }()

    /// Gives the calling thread mounts of its own.
    static func detach() -> Bool {
      guard let unshare = function("unshare", as: Unshare.self), let mount = function("mount", as: Mount.self) else {
        return false
      }
      return unshare(newMountNamespace) == 0 && mount("none", "/", nil, recursivelyPrivate, nil) == 0
    }

    static func mount(at path: String, megabytes: Int) -> Bool {
      guard let mount = function("mount", as: Mount.self) else { return false }
      return "size=\(megabytes)m".withCString { mount("tmpfs", path, "tmpfs", 0, $0) == 0 }
    }

    static func unmount(_ path: String) {
      _ = function("umount2", as: Unmount.self)?(path, 2)
    }

    /// The C library's module leaves these out.
    private static func function<Function>(_ name: String, as: Function.Type) -> Function? {
      dlsym(nil, name).map { unsafeBitCast($0, to: Function.self) }
    }
  }

  /// What a phone lived through on a disk that filled up.
  private struct Life: Sendable {
    var saved = 0
    var refusal: ExamStoreError.Code?
    var wasLow = false
    var hadReserve = false
    var keptWithoutRoom: Int?
    var keptWithRoom = 0
    var isQuarantined = false
    var hasReserveAgain = false
    var sealsWithRoom = false
  }

  @Suite struct SmallDiskTests {
    /// On a thread that can see the disk, and on no other.
    private func live() async throws -> Life {
      try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try Self.liveHere() }) }
      }
    }

    private static func liveHere() throws -> Life {
      let folder = try TemporaryFolder()
      guard SmallDisk.detach(), SmallDisk.mount(at: folder.path, megabytes: 5) else {
        throw CocoaError(.fileNoSuchFile)
      }
      defer { SmallDisk.unmount(folder.path) }
      let filler = folder.path + "/filler"
      try write([UInt8](repeating: 1, count: 2 << 20), to: filler)
      let phone = try Phone.answering(folder: folder)
      var life = Life()
      life.hadReserve = folder.names.contains("store.db.reserve")
      let text = AnswerValue.text(String(repeating: "é", count: 2_000))
      while life.refusal == nil {
        do throws(ExamStoreError) {
          _ = try phone.store.save(text, for: "q\(life.saved)", in: phone.attempt, at: phone.moment())
          life.saved += 1
        } catch { life.refusal = error.code }
      }
      life.wasLow = phone.store.isStorageLow && !folder.names.contains("store.db.reserve")
      phone.store.close()
      // The app is ended and opened again with not a byte to spare.
      if (try? phone.openAgain()) != nil {
        life.keptWithoutRoom = try phone.status.counts.saved
        phone.store.close()
      }
      try FileManager.default.removeItem(atPath: filler)
      try phone.openAgain()
      life.keptWithRoom = try phone.status.counts.saved
      life.isQuarantined = phone.store.report.quarantine != nil
      life.hasReserveAgain = folder.names.contains("store.db.reserve")
      life.sealsWithRoom = (try? phone.store.seal(phone.attempt, cause: .candidate, at: phone.moment())) != nil
      phone.store.close()
      return life
    }

    @Test(.enabled(if: SmallDisk.isPermitted, "needs the right to mount a tmpfs"))
    func aFullDiskKeepsEverySavedAnswer() async throws {
      let life = try await live()
      #expect(life.hadReserve)
      #expect(life.saved > 50)
      #expect(life.refusal == .diskFull)
      #expect(life.wasLow)
      #expect(life.keptWithoutRoom == life.saved)
      #expect(life.keptWithRoom == life.saved)
      #expect(!life.isQuarantined)
      #expect(life.hasReserveAgain)
      #expect(life.sealsWithRoom)
    }
  }
#endif
