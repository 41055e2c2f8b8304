import Crypto
import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

extension Evidence {
  static func phoneJournals(of world: WorldDump) -> [ID128: [PhoneJournal]] {
    var found: [ID128: [PhoneJournal]] = [:]
    for phone in world.phones {
      for journal in phone.journals {
        let genesis = JudgedChain.genesis(
          journal: journal.status.id, subject: journal.status.attempt, deviceKey: journal.deviceKey)
        let entries = JudgedChain.judge(journal.entries.map(\.body), from: genesis)
        found[journal.status.id, default: []].append(
          PhoneJournal(
            node: phone.node, id: journal.status.id, attempt: journal.status.attempt, deviceKey: journal.deviceKey,
            dump: journal, entries: entries))
      }
    }
    return found
  }

  static func serverJournals(of world: WorldDump) -> [ID128: [ServerJournal]] {
    var found: [ID128: [ServerJournal]] = [:]
    for server in world.servers {
      for attempt in server.attempts {
        for journal in attempt.journals {
          found[journal.row.id, default: []].append(judged(journal, attempt: attempt, server: server))
        }
      }
    }
    return found
  }

  private static func judged(
    _ journal: ServerJournalDump, attempt: ServerAttemptDump, server: ServerDump
  ) -> ServerJournal {
    var bodies: [[UInt8]] = []
    var judged = ServerJournal(
      node: server.node, id: journal.row.id, attempt: attempt.row.id, dump: journal, entries: [], leases: [],
      receivedAt: [], segmentIDs: [])
    for segment in journal.segments {
      for body in JudgedChain.bodies(segment.bytes) {
        bodies.append(body)
        judged.leases.append(segment.lease)
        judged.receivedAt.append(segment.receivedAt)
        judged.segmentIDs.append(segment.id)
      }
    }
    let genesis = JudgedChain.genesis(
      journal: journal.row.id, subject: attempt.row.id, deviceKey: journal.row.device)
    judged.entries = JudgedChain.judge(bodies, from: genesis)
    return judged
  }
}

/// The chain of the protocol ("Journals"), written down a second time: SHA-256 and nothing of the product.
enum JudgedChain {
  static func genesis(journal: ID128, subject: ID128, deviceKey: ID128) -> Digest256 {
    digest(Array("examsync journal v1".utf8) + journal.bytes + subject.bytes + deviceKey.bytes)
  }

  static func next(_ head: Digest256, sequence: UInt64, body: [UInt8]) -> Digest256 {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(40 + body.count)
    bytes += head.bytes
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: sequence >> shift)) }
    bytes += body
    return digest(bytes)
  }

  /// Numbers bodies from 1, hashes them and decodes them.
  static func judge(_ bodies: [[UInt8]], from genesis: Digest256) -> [JudgedEntry] {
    var head = genesis
    var sequence: UInt64 = 0
    return bodies.map { body in
      sequence += 1
      head = next(head, sequence: sequence, body: body)
      return JudgedEntry(sequence: sequence, body: body, head: head, entry: try? Entry(wire: body))
    }
  }

  /// The bodies of a segment: each with its length in 32 bits before it. What does not fit ends the list.
  static func bodies(_ bytes: [UInt8]) -> [[UInt8]] {
    var found: [[UInt8]] = []
    var offset = 0
    while offset + 4 <= bytes.count {
      let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      guard offset + 4 + length <= bytes.count else { break }
      found.append(Array(bytes[offset + 4..<offset + 4 + length]))
      offset += 4 + length
    }
    return found
  }

  static func digest(_ bytes: [UInt8]) -> Digest256 {
    Digest256(Array(SHA256.hash(data: bytes))) ?? .zero
  }
}
