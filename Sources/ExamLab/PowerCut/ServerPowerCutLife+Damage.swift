import ServerCore
import ServerStoreSQLite
import SyncCore
import SyncProtocol

/// The server's files damaged while nothing runs. The server may refuse to open, and an operator restores a backup, or
/// it may have gone back in time: then the phones' marks tell, and they fill it up again. It never holds what no phone
/// wrote.
extension ServerPowerCutLife {
  /// One session, damage, an opening as after an end that nobody planned, and the phones' next rounds.
  func damagedCycle() throws {
    let backup = disk.snapshot()
    let soundBackup = soundBackup ?? backup
    self.soundBackup = soundBackup
    for _ in 0..<Self.longestSession { try batch() }
    let choice = decisions.next(.damage, node: Self.node) { 1 + Int64($0.next() >> 16) }
    if choice % 3 == 0 { try store?.close() }
    let image = disk.snapshot()
    let old = endProcess()
    guard var kind = DamageKind(choice: choice), !kind.isForeign else {
      disk.restore(image)
      withExtendedLifetime(old) {}
      return try openAgain()
    }
    tell("\(kind.form)")
    let damaged = kind.applied(to: image, path: Self.path, earlier: backup, foreign: image)
    disk.restore(damaged)
    withExtendedLifetime(old) {}
    counts.damages += 1
    do {
      try open()
      _ = try store?.verifyChains()
      try requirePrefixes()
      try fillUp()
    } catch let finding as PowerCutFinding {
      throw finding
    } catch {
      tell("refused: \(error)")
      counts.refused += 1
      do { try goBack(to: backup) } catch is ToldProblem { try goBack(to: soundBackup) }
    }
    digest.take(disk.callCount)
  }

  private func goBack(to backup: DiskImage) throws {
    let broken = endProcess()
    disk.restore(backup)
    withExtendedLifetime(broken) {}
    try openAgain()
    try fillUp()
  }

  private func openAgain() throws {
    do { try open() } catch { throw PowerCutFinding("I8", "a sound server's store does not open: \(error)") }
    try requirePrefixes()
  }

  /// What the server holds of a journal is what the phone wrote, up to some entry.
  private func requirePrefixes() throws {
    guard let store else { return }
    for phone in phones {
      let row = try store.journal(phone.journal)
      let sequence = Int(row?.sequence ?? 0)
      guard sequence <= phone.bodies.count, row == nil || row?.head == phone.heads[sequence] else {
        throw PowerCutFinding("I6", "the server's journal is not a prefix of the phone's")
      }
      counts.entries += UInt64(sequence)
      digest.take(UInt64(sequence))
    }
  }

  /// Each phone learns how far the server is and sends from there, as after any answer that is lower than before.
  /// Throws what the server says where it cannot take them: then it has told.
  private func fillUp() throws {
    for index in phones.indices {
      let sequence = Int(try store?.journal(phones[index].journal)?.sequence ?? 0)
      if sequence < phones[index].acknowledged { counts.lossesNoticedByServer += 1 }
      phones[index].acknowledged = sequence
      while phones[index].acknowledged < phones[index].bodies.count {
        let push = phones[index].push(40)
        let call = DeviceCall(
          session: phones[index].session, request: SyncRequest(pushes: [push]), receivedAt: now, isFresh: true)
        guard let reply = perform([.sync(call)]).first else { throw ToldProblem("no reply") }
        if case .problem(let problem) = reply { throw ToldProblem("\(problem)") }
        // Its rows name another attempt or device: the phone is told, keeps everything, and a person has to look.
        if case .sync(let response, _) = reply, response.acknowledgements.first?.verdict == .unknownJournal {
          throw ToldProblem("unknown journal")
        }
        let before = phones[index].acknowledged
        try take(reply, for: index)
        guard phones[index].acknowledged > before else {
          throw PowerCutFinding("I24", "the server takes nothing more of a journal after it went back")
        }
      }
    }
  }

  /// A server that says that it cannot go on.
  private struct ToldProblem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }
}
