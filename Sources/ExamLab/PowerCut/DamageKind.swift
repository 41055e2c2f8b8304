import SyncCore

/// What happens to a store's files while nothing runs: a disk that rots, a tidy person, a copy that is put back.
struct DamageKind {
  enum Form: Int, CaseIterable {
    case flipInFile, flipsInFile, garbagePageInFile, fileCut, fileRemoved, fileRolledBack, foreignFile
    case flipInLog, logCut, logRemoved, logStale, foreignLog
    case allRemoved, allRolledBack, allForeign
  }

  private static let pageBytes = 4_096

  let form: Form
  private var generator: SeededGenerator

  /// What a choice of the concern `.damage` means; `nil` for none.
  init?(choice: Int64) {
    guard choice != 0 else { return nil }
    generator = SeededGenerator(seed: UInt64(bitPattern: choice))
    form = Form.allCases[Int(generator.next() % UInt64(Form.allCases.count))]
  }

  /// Whether what is left may be a sound earlier state of the store, which only somebody else's mark can tell.
  var mayLookEarlier: Bool {
    switch form {
    case .fileRolledBack, .flipInLog, .logCut, .logRemoved, .logStale, .allRolledBack: true
    default: false
    }
  }

  /// Whether another store's bytes come in.
  var isForeign: Bool {
    switch form {
    case .foreignFile, .foreignLog, .allForeign: true
    default: false
    }
  }

  /// The files afterwards.
  ///
  /// - Parameters:
  ///   - earlier: the same disk some time before.
  ///   - foreign: another candidate's disk, with the same names.
  mutating func applied(
    to image: DiskImage, path: String, earlier: DiskImage, foreign: DiskImage
  ) -> DiskImage {
    let log = path + "-wal"
    var result = image
    switch form {
    case .flipInFile: flip(path, 1, in: &result)
    case .flipsInFile: flip(path, 3, in: &result)
    case .garbagePageInFile: garble(path, in: &result)
    case .fileCut: cut(path, in: &result)
    case .fileRemoved: result.put(path, from: nil)
    case .fileRolledBack: result.put(path, from: earlier)
    case .foreignFile: result.put(path, from: foreign)
    case .flipInLog: flip(log, 1, in: &result)
    case .logCut: cut(log, in: &result)
    case .logRemoved: result.put(log, from: nil)
    case .logStale: result.put(log, from: earlier)
    case .foreignLog: result.put(log, from: foreign)
    case .allRemoved: for name in [path, log] { result.put(name, from: nil) }
    case .allRolledBack: for name in [path, log] { result.put(name, from: earlier) }
    case .allForeign: for name in [path, log] { result.put(name, from: foreign) }
    }
    return result
  }

  private mutating func flip(_ path: String, _ count: Int, in image: inout DiskImage) {
    guard let place = image.files.firstIndex(where: { $0.path == path }), !image.files[place].bytes.isEmpty else {
      return
    }
    for _ in 0..<count {
      var byte = number(image.files[place].bytes.count)
      // Mostly where something is: much of a small store is free room.
      for _ in 0..<6 where image.files[place].bytes[byte] == 0 { byte = number(image.files[place].bytes.count) }
      image.files[place].bytes[byte] ^= 1 << UInt8(number(8))
    }
  }

  private mutating func garble(_ path: String, in image: inout DiskImage) {
    guard let place = image.files.firstIndex(where: { $0.path == path }) else { return }
    let pages = image.files[place].bytes.count / Self.pageBytes
    guard pages > 0 else { return }
    let page = number(pages)
    for byte in page * Self.pageBytes..<(page + 1) * Self.pageBytes {
      image.files[place].bytes[byte] = UInt8(truncatingIfNeeded: generator.next())
    }
  }

  private mutating func cut(_ path: String, in image: inout DiskImage) {
    guard let place = image.files.firstIndex(where: { $0.path == path }) else { return }
    let count = image.files[place].bytes.count
    guard count > 0 else { return }
    image.files[place].bytes.removeLast(count - number(count))
  }

  private mutating func number(_ end: Int) -> Int { Int(generator.next() % UInt64(max(1, end))) }
}

extension DiskImage {
  /// Puts a file as another image has it, or removes it where that has none.
  fileprivate mutating func put(_ path: String, from other: DiskImage?) {
    files.removeAll { $0.path == path }
    if let file = other?[path] { files.append(file) }
  }
}
