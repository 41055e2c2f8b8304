import ExamModel
import ExamStore
import ServerCore
import SyncProtocol
import SyncWire

/// The phones that wrote in each journal, by what they showed: it can be asked of a phone that is gone, too.
enum JournalWriters {
  static func find(_ history: [HistoryEvent]) -> [ID128: Set<SimNode>] {
    var writers: [ID128: Set<SimNode>] = [:]
    for event in history where event.node.isPhone {
      switch event.fact {
      case .saved(let journal, _, _, _, _), .acknowledgementStored(let journal, _, _),
        .successorOpened(_, _, let journal),
        .entriesDiscarded(let journal, _):
        writers[journal, default: []].insert(event.node)
      default: break
      }
    }
    return writers
  }
}

/// Entries that neither side can bring back: the server acknowledged them and was then restored from before that, and
/// the phone that wrote them lost them or is gone. Other devices of the attempt may have read them in the server's
/// record, which is no journal.
struct LostEntries {
  /// How far each such journal was acknowledged.
  private var acknowledged: [ID128: UInt64] = [:]
  let writers: [ID128: Set<SimNode>]

  init(_ history: [HistoryEvent], _ truth: Truth) {
    writers = JournalWriters.find(history)
    let losers = Set(truth.losses.map(\.node))
    guard !losers.isEmpty else { return }
    var restores: [(at: Int64, from: Int64)] = []
    for event in history.reversed() {
      switch event.fact {
      case .serverRestored(let from): restores.append((event.trueMilliseconds, from))
      case .acknowledged(let journal, let sequence, _):
        guard restores.contains(where: { $0.from <= event.trueMilliseconds }),
          writers[journal]?.isDisjoint(with: losers) == false
        else { continue }
        acknowledged[journal] = max(acknowledged[journal] ?? 0, sequence)
      default: break
      }
    }
  }

  /// - Parameter held: how many entries of a journal somebody still has.
  func isNamed(by seal: SealStatement?, held: (ID128) -> UInt64) -> Bool {
    seal?.journals.contains { $0.sequence > held($0.journal) && $0.sequence <= acknowledged[$0.journal] ?? 0 } ?? false
  }

  /// The items of an attempt that such entries changed.
  func items(of attempt: ID128, _ evidence: Evidence, held: (ID128) -> UInt64) -> Set<String> {
    var items: Set<String> = []
    for (journal, last) in acknowledged where last > held(journal) {
      let first = held(journal) + 1
      for writer in writers[journal] ?? []
      where evidence.truth.intents.contains(where: { $0.node == writer && $0.attempt == attempt }) {
        for event in evidence.byNode[writer] ?? [] {
          switch event.fact {
          case .saved(journal, let sequence, _, let item?, _) where sequence >= first && sequence <= last:
            items.insert(item)
          // It may stand in that journal, and nobody was told.
          case .saveInterrupted(let item?, _): items.insert(item)
          default: break
          }
        }
      }
    }
    return items
  }
}

extension ReceiptStoreRow {
  /// What it says; `nil` where it says nothing that can be read.
  var parsed: ReceiptStatement? { try? ReceiptStatement(wire: Receipt(wire: receipt).statement) }
}

extension SealRow {
  /// What it says; `nil` where it says nothing that can be read.
  var parsed: SealStatement? { try? SealStatement(wire: statement) }
}

extension Evidence {
  /// Whether a seal names entries that neither side can bring back: it gets no receipt, and a person decides.
  func namesLostEntries(_ seal: SealStatement?) -> Bool { lostEntries.isNamed(by: seal, held: heldCount) }

  /// The items that entries changed which neither side can bring back, and of which this phone has the server's word
  /// alone: what it saved itself stands in its journal.
  func itemsOfLostEntries(_ attempt: ID128, _ phone: PhoneDump) -> Set<String> {
    let rows = phone.attempts.first { $0.attempt == attempt }?.answers ?? []
    return lostEntries.items(of: attempt, self, held: heldCount)
      .subtracting(rows.filter { $0.journal != nil }.map(\.item))
  }

  private func heldCount(_ journal: ID128) -> UInt64 {
    let onServers = serverJournals[journal]?.map(\.entries.count) ?? []
    let onPhones = phoneJournals[journal]?.map(\.entries.count) ?? []
    return UInt64((onServers + onPhones).max() ?? 0)
  }
}
