import Foundation

/// The end of a child, asked of the system.
///
/// `Process` learns of it when a socket closes that only the child should hold. Another child, started on another
/// thread at the same moment, may have been born with that socket: then `Process` learns of the end when that one ends
/// too.
enum ChildEnd {
  /// Kills a child later, unless that is called off.
  static func killing(_ process: Process, afterSeconds seconds: Int) -> DispatchWorkItem {
    let identifier = process.processIdentifier
    let last = DispatchWorkItem { kill(identifier, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(seconds), execute: last)
    return last
  }

  /// Blocks until the child has ended.
  ///
  /// - Returns: the exit status, or minus the signal.
  static func wait(for process: Process) -> Int32 {
    var end = siginfo_t()
    var result: Int32
    repeat {
      result = waitid(P_PID, id_t(process.processIdentifier), &end, WEXITED | WNOWAIT)
    } while result != 0 && errno == EINTR
    guard result == 0 else {
      // `Process` was faster, and knows.
      process.waitUntilExit()
      return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }
    #if canImport(Glibc)
      let status = end._sifields._sigchld.si_status
    #else
      let status = end.si_status
    #endif
    return end.si_code == CLD_EXITED ? status : -status
  }
}
