/// The names of a disk's files: what programs see, what would survive, and the operations between the two.
///
/// Arrays, because a store has five files, and because the order in which files are gone through must not vary.
struct DiskDirectory {
  struct Entry {
    var name: String
    var file: DiskFile
  }

  private enum Operation {
    case link(name: String, DiskFile)
    case unlink(name: String)
    case rename(from: String, to: String)

    var description: String {
      switch self {
      case .link(let name, _): "creation of \(name)"
      case .unlink(let name): "removal of \(name)"
      case .rename(let from, let to): "renaming of \(from) to \(to)"
      }
    }

    var names: [String] {
      switch self {
      case .link(let name, _), .unlink(let name): [name]
      case .rename(let from, let to): [from, to]
      }
    }
  }

  private(set) var entries: [Entry] = []
  private var durable: [Entry] = []
  private var pending: [Operation] = []

  var pendingCount: Int { pending.count }

  subscript(_ name: String) -> DiskFile? { entries.first { $0.name == name }?.file }

  mutating func link(_ name: String, _ file: DiskFile) { perform(.link(name: name, file)) }
  mutating func unlink(_ name: String) { perform(.unlink(name: name)) }
  mutating func rename(_ name: String, to newName: String) { perform(.rename(from: name, to: newName)) }

  private mutating func perform(_ operation: Operation) {
    Self.apply(operation, to: &entries)
    pending.append(operation)
  }

  /// The folder was synced: every name is durable.
  mutating func sync() {
    guard !pending.isEmpty else { return }
    durable = entries
    pending.removeAll()
  }

  /// A file was synced: its own name is durable, with what happened to that name before, and nothing else is.
  mutating func sync(_ file: DiskFile) {
    guard !pending.isEmpty else { return }
    var names = entries.filter { $0.file === file }.map(\.name)
    guard !names.isEmpty else { return }
    var isMeant = [Bool](repeating: false, count: pending.count)
    for index in pending.indices.reversed() where pending[index].names.contains(where: names.contains) {
      isMeant[index] = true
      names += pending[index].names
    }
    for (operation, isMeant) in zip(pending, isMeant) where isMeant { Self.apply(operation, to: &durable) }
    pending = zip(pending, isMeant).filter { !$0.1 }.map(\.0)
  }

  /// The power goes. Gives what was dropped, for people.
  mutating func crash(isKept: () -> Bool) -> [String] {
    var dropped: [String] = []
    for operation in pending {
      if isKept() { Self.apply(operation, to: &durable) } else { dropped.append(operation.description) }
    }
    pending.removeAll()
    entries = durable
    return dropped
  }

  /// The disk holds these files and no others, durably.
  mutating func replace(with files: [Entry]) {
    entries = files
    durable = files
    pending.removeAll()
  }

  private static func apply(_ operation: Operation, to entries: inout [Entry]) {
    switch operation {
    case .link(let name, let file):
      entries.removeAll { $0.name == name }
      entries.append(Entry(name: name, file: file))
    case .unlink(let name):
      entries.removeAll { $0.name == name }
    case .rename(let from, let to):
      // A file whose creation did not survive cannot be renamed.
      guard let index = entries.firstIndex(where: { $0.name == from }) else { return }
      let file = entries.remove(at: index).file
      entries.removeAll { $0.name == to }
      entries.append(Entry(name: to, file: file))
    }
  }
}
