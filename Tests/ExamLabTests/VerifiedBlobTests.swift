import ExamModel
import ExamStore
import SyncProtocol
import Testing

@testable import ExamLab

/// Without a network nobody can fetch a paper again.
@Suite struct VerifiedBlobTests {
  private let bytes = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

  /// A phone on a disk that drops everything unsynced when the power goes.
  private func phone() -> PowerCutPhone {
    let dropped = (UInt32(0)..<5_000).map { Decision(DecisionLabel(.unsynced, node: 1, index: $0), 1) }
    return PowerCutPhone(disk: VirtualDisk(decisions: Decisions(seed: 1, plan: dropped), node: 1), seed: 1)
  }

  @Test(arguments: [true, false]) func whatWasFoundWholeIsThereAfterAPowerCut(isVerified: Bool) throws {
    let phone = phone()
    let store = try phone.open()
    let reference = BlobReference(digest: Hash.sha256(bytes), length: UInt64(bytes.count))
    for start in stride(from: 0, to: bytes.count, by: Limits.blobRangeBytes) {
      let part = Array(bytes[start..<min(bytes.count, start + Limits.blobRangeBytes)])
      _ = try store.append(part, at: UInt64(start), to: reference)
    }
    if isVerified { #expect(try store.verify(reference)) }
    phone.disk.powerCut()
    phone.disk.restart()
    let again = try phone.open()
    // Chunks of a blob that nobody counts on yet may go: that the disk drops them shows that the other case means it.
    #expect(try again.readBlob(reference) == (isVerified ? bytes : nil))
    #expect(try again.blobProgress(reference).isVerified == isVerified)
  }
}
