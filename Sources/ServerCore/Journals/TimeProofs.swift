import ExamModel
import SyncProtocol

/// Proofs in context entries: an instant that the server named to a session of the device, with a MAC.
extension ServerCore {
  /// Lets the journal's clock follow a new entry. What is found of its proof is kept with the journal, because the
  /// session that can prove it may have ended when the journal is read again.
  func follow(_ entry: Entry, at place: EntryPlace) {
    let journal = place.journal
    guard case .context(let context) = entry.kind, let proof = context.proof else {
      journal.clock.advance(entry)
      return
    }
    let isProved = isProved(proof, by: journal.row.device)
    let isContradicted = journal.clock.advance(entry, provedMilliseconds: isProved ? proof.milliseconds : nil)
    let row = TimeProofRow(
      journal: journal.row.number, sequence: place.sequence, milliseconds: proof.milliseconds,
      finding: isContradicted ? .contradicted : isProved ? .proved : .unproved)
    journal.proofs.append(row)
    work.proofs.append(row)
  }

  /// A proof whose session has ended cannot be checked any more, and proves nothing.
  private func isProved(_ proof: TimeProof, by device: ID128) -> Bool {
    sessionsByDevice[device, default: []].contains { id in
      guard let secret = openSessions[id]?.secret else { return false }
      return CodeVerifier.isEqual(
        proof.mac, MessageAuthentication.timeProof(secret: secret, milliseconds: proof.milliseconds))
    }
  }
}

extension JournalMemory {
  /// The instant that the server is known to have named before this entry of the journal.
  func provedMilliseconds(at sequence: UInt64) -> Int64? {
    proofs.first { $0.sequence == sequence && $0.finding != .unproved }?.milliseconds
  }

  func count(_ finding: TimeProofRow.Finding) -> UInt32 {
    UInt32(proofs.count { $0.finding == finding })
  }

  /// The latest instant that is proved to lie before the journal's last entry.
  var lastProvedAt: Int64? { proofs.filter { $0.finding != .unproved }.map(\.milliseconds).max() }
}
