import ExamModel
import Foundation
import Glibc
import Synchronization

/// A small disk of one process's own, in a mount namespace.
enum SmallDisk {
  private static let unshare = "/usr/bin/unshare"

  /// Why there can be none here, and what to do; `nil` if there can.
  static func obstacle(folder: String) -> String? {
    guard access(unshare, X_OK) == 0 else {
      return "unshare is not installed: install util-linux to let a disk run full."
    }
    do {
      let probe = "mount -t tmpfs -o size=64k tmpfs \"$0\""
      _ = try ChildProcess.run(
        [unshare, "-Urm", "/bin/sh", "-c", probe, folder], errorFile: "\(folder)/unshare-errors.log")
      return nil
    } catch {
      return "a mount namespace of one's own is not permitted here, so no disk ran full. \(error)"
    }
  }

  /// Runs a command on a copy of `source` that lies on a disk of `kibibytes`, mounted at `mount` for it alone; then
  /// copies what is on the disk to `result`.
  static func command(source: String, mount: String, kibibytes: Int, result: String) -> [String] {
    let script = """
      mount -t tmpfs -o size="$3"k tmpfs "$2" && cp -a "$1"/. "$2"/ || exit 9
      from="$2"; to="$4"; shift 4
      "$@"
      cp -a "$from"/. "$to"/
      """
    return [unshare, "-Urm", "/bin/sh", "-c", script, "sh", source, mount, "\(kibibytes)", result]
  }

  /// Writes a command that is `exam-server`, but serves from a disk of its own that has `freeKibibytes` left until the
  /// file `release` appears. Its other commands speak to that server.
  static func writeServer(
    _ binary: String, at path: String, source: String, mount: String, freeKibibytes: Int, release: String,
    operatorPort: String, token: String
  ) throws {
    let fillerKibibytes = 8_192
    let text = """
      #!/bin/sh
      if [ "$1" != serve ]; then exec '\(binary)' "$@" --server \(operatorPort) --token '\(token)'; fi
      exec \(unshare) -Urm /bin/sh -c '
        used=$(du -sk "$1" | cut -f1)
        mount -t tmpfs -o size=$((used + \(fillerKibibytes + freeKibibytes)))k tmpfs "$2" || exit 9
        cp -a "$1"/. "$2"/ && head -c \(fillerKibibytes * 1024) /dev/zero > "$2"/filler || exit 9
        (while [ ! -e "$3" ]; do sleep 0.05; done; rm -f "$2"/filler) &
        shift 3; exec "$@"
      ' sh '\(source)' '\(mount)' '\(release)' '\(binary)' "$@"

      """
    // A child that is born while the file is open for writing holds it open, and it could not be run (ETXTBSY).
    try SpawnLock.shared.withLock { _ in try text.write(toFile: path, atomically: true, encoding: .utf8) }
    guard chmod(path, 0o755) == 0 else { throw RoomError("\(path) cannot be made a command: \(errnoText)") }
  }

  static func kibibytes(of folder: String) throws -> Int {
    let lines = try ChildProcess.run(["/usr/bin/du", "-sk", folder], errorFile: "/dev/null")
    guard let size = lines.first?.split(separator: "\t").first.flatMap({ Int($0) }) else {
      throw RoomError("du told no size of \(folder)")
    }
    return size
  }
}

/// A phone's disk is full in the middle of an exam; later the phone is opened where there is space.
struct FullPhoneRun {
  let stage: LabStage
  let folder: String
  let seed: UInt64

  private static let refusalsWanted = 8
  private static let savesAtMost = 1_500

  func execute(run: Int) throws -> KillOutcome {
    var outcome = KillOutcome(.full, run: run)
    var generator = OrderGenerator(seed: seed, label: "full \(run)")
    var world = try stage.world(in: folder)
    try world.startServer()
    defer { world.server.kill() }
    let (store, before, small) = ("\(folder)/phone-1", "\(folder)/phone-1-before", "\(folder)/small")
    try FileManager.default.moveItem(atPath: store, toPath: before)
    for path in [small, store] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    let size = try SmallDisk.kibibytes(of: before) + generator.number(in: 100...700)
    var setting = world.setting(seat: 0).tracing(
      SmallDisk.command(source: before, mount: small, kibibytes: size, result: store))
    setting.store = small
    let phone = try LabPhone(setting)
    defer { phone.kill() }
    _ = try phone.succeed("opening on a small disk", nil)
    var memory = CandidateMemory(user: stage.seats[0].user, log: try RoomLog(path: "\(folder)/intended.jsonl"))
    var refusals = 0
    var saves = 0
    while refusals < Self.refusalsWanted, saves < Self.savesAtMost {
      saves += 1
      guard case .save(let item, let value)? = PhoneScript.saves(1, &generator).first else { break }
      memory.intend(item, value)
      let reply = phone.ask(PhoneScript.Step.save(item: item, value: value).command)
      guard case .reply(let answer) = reply else { throw RoomError("the phone ended when its disk was full") }
      if answer.ok { memory.confirm(sequence: answer.sequence) } else { memory.doubt(answer.error ?? "refused") }
      if !answer.ok { refusals += 1 }
    }
    if refusals == 0 { outcome.failures.append("the disk of \(size) KiB never ran full in \(saves) saves") }
    outcome.point = "a full disk under the phone"
    outcome.note = "\(memory.confirmations) saves confirmed, then \(refusals) refused"
    // The phone kills itself; the shell around it then copies the disk.
    _ = phone.ask("kill")
    phone.waitForEnd()
    try Aftermath(world: world, seat: 0).examine(&memory, &outcome)
    outcome.confirmed = memory.confirmations
    return outcome
  }
}

/// The server's disk is full under load, and has space again.
struct FullServerRun {
  let stage: LabStage
  let folder: String
  let seed: UInt64

  private static let phones = 3

  func execute(run: Int) throws -> KillOutcome {
    var outcome = KillOutcome(.full, run: run)
    var generator = OrderGenerator(seed: seed, label: "full \(run)")
    var world = try stage.world(in: folder, phones: Self.phones)
    let (data, mount, release) = ("\(folder)/server", "\(folder)/small", "\(folder)/release")
    try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: true)
    let token = try String(contentsOfFile: "\(data)/admin.token", encoding: .utf8)
    let command = "\(folder)/exam-server"
    world = try world.serving(command: command, from: mount)
    try SmallDisk.writeServer(
      "\(stage.binaries)/exam-server", at: command, source: data, mount: mount,
      freeKibibytes: generator.number(in: 200...900), release: release,
      operatorPort: "127.0.0.1:\(world.server.operatorPort)",
      token: token.trimmingCharacters(in: .whitespacesAndNewlines))
    try world.server.start(LabStage.serverOptions + ["--low-disk-bytes", "0"])
    defer { world.server.kill() }
    let crowd = try Crowd(world, phones: Self.phones, seed: generator.next())
    try crowd.type(milliseconds: 2_500, pauseMilliseconds: 0)
    var stuck = 0
    for seat in 0..<crowd.count { stuck += crowd.status(seat, &outcome)?.pending ?? 0 }
    try "".write(toFile: release, atomically: true, encoding: .utf8)
    try crowd.type(milliseconds: 100, pauseMilliseconds: 2)
    outcome.point = "a full disk under the server"
    outcome.note = "\(stuck) entries were pending while the disk was full"
    outcome.healMilliseconds = crowd.settle(withinMilliseconds: ServerKillRun.boundMilliseconds, &outcome) {
      $0.pending == 0
    }
    try crowd.judge(&outcome)
    return outcome
  }
}
