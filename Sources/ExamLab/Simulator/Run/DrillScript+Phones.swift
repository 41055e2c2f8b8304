import ExamModel
import ExamStore
import ServerCore
import SyncCore
import SyncProtocol

/// Drills about what becomes of one phone's files.
extension DrillScript {
  /// Long enough for a journal that is well above what a successor begins with.
  private var copied: Int64 { underWay + 80_000 }
  private var putBack: Int64 { copied + 40_000 }

  /// Both sides go on alone for a while: the phone's version is the longer one in the end.
  func partedHistories() {
    allWaitForBell(true)
    answer(1...10, variant: 0, from: copied - 15_000)
    putBackWithoutNetwork()
    answer(1...16, variant: 1, from: putBack + 20_000)
    setLink(isUp: true, at: putBack + 50_000)
    answer(1...6, variant: 2, from: putBack + 60_000)
  }

  /// The network goes as soon as the phone went on in a successor, and comes back after the bell.
  func bellAtFork() {
    allWaitForBell(true)
    putBackWithoutNetwork()
    answer(1...3, variant: 1, from: putBack + 20_000)
    setLink(isUp: true, at: putBack + 40_000)
    at(putBack + 40_000) { cutOffInSuccessor() }
    setLink(isUp: true, at: bell + 20_000)
  }

  private func cutOffInSuccessor() {
    inJournal(2) { world.setLink(phone.index, SimLink(isUp: false)) }
  }

  /// As soon as the phone has opened so many journals, and before anything of the newest reaches the server.
  private func inJournal(_ number: Int, _ work: @escaping () -> Void) {
    if let journals = phone.store?.journalStatuses, journals.count >= number { return work() }
    at(world.kernel.now + 1) { inJournal(number, work) }
  }

  /// The backup is from the first fork: it has the start, and nothing of the first successor. The second one, in which
  /// the phone hands in, is newer than what it goes on from, and that has to count.
  func restoredAtFork() {
    allWaitForBell(true)
    putBackWithoutNetwork()
    setLink(isUp: true, at: putBack + 10_000)
    answer(1...14, variant: 1, from: putBack + 20_000)
    let again = putBack + 60_000
    putBackWithoutNetwork(copied: putBack + 40_000, at: again)
    answer(1...10, variant: 2, from: again + 10_000)
    setLink(isUp: true, at: again + 30_000)
    at(putBack + 10_000) {
      inJournal(2) {
        let backup = ServerBackup(of: world)
        inJournal(3) {
          world.setLink(phone.index, SimLink(isUp: false))
          backup.restore()
        }
      }
    }
    setLink(isUp: true, at: bell + 20_000)
  }

  private func putBackWithoutNetwork() { putBackWithoutNetwork(copied: copied, at: putBack) }

  private func putBackWithoutNetwork(copied: Int64, at putBack: Int64) {
    at(copied) {
      guard phone.isOpen else { return }
      let image = phone.disk.snapshot()
      at(putBack) {
        world.setLink(phone.index, SimLink(isUp: false))
        world.probes.mark(.phoneRolledBack)
        world.truth.losses.append(DeviceLoss(world.kernel.now, phone.node, .damaged))
        phone.rollBack(to: image)
      }
    }
  }

  /// The copy opens its store, which is a fork, and has a successor stored; then it is gone. The first phone goes on
  /// in the journal that was left.
  func copiedPhone() {
    allWaitForBell(true)
    let copy = world.phones[2 * world.options.candidates]
    at(copied) {
      guard phone.isOpen else { return }
      let image = phone.disk.snapshot()
      at(putBack) {
        world.truth.losses.append(DeviceLoss(world.kernel.now, copy.node, .damaged))
        world.truth.modifiedPhones.formUnion([phone.node, copy.node])
        copy.disk.restore(image)
        copy.isInUse = true
        copy.open()
        loseOnceStored(copy)
      }
    }
    answer(1...10, variant: 4, from: putBack + 30_000)
  }

  private func loseOnceStored(_ copy: SimPhone) {
    if let journals = copy.store?.journalStatuses, journals.count > 1,
      journals.allSatisfy({ $0.pending == 0 })
    {
      return copy.lose()
    }
    at(world.kernel.now + 50) { loseOnceStored(copy) }
  }

  /// What the sync was to make durable is seen by reads and gone after the cut; the next sync succeeds.
  func failedSync() {
    at(underWay) {
      phone.disk.faults.syncErrorsPerMillion = 1_000_000
      answer(1, 9)
      phone.disk.faults.syncErrorsPerMillion = 0
    }
    answer(2...6, variant: 9, from: underWay + 1_000)
    at(underWay + 8_000) { phone.cutPower() }
  }

  /// Not even the reserve helps: what is answered is refused, and says so.
  func fullPhone() {
    at(underWay) {
      let files = phone.disk.snapshot().files
      let reserved = files.reduce(0) { $0 + $1.reservedByteCount }
      phone.disk.faults.capacityBytes = files.reduce(0) { $0 + max($1.bytes.count, $1.reservedByteCount) } - reserved
    }
    answer(1...8, variant: 6, from: underWay + 1_000)
    at(underWay + 30_000) { phone.disk.faults.capacityBytes = nil }
    answer(1...8, variant: 8, from: underWay + 40_000)
  }
}
