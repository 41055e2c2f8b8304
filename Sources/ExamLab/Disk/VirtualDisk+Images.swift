import ExamModel

extension VirtualDisk {
  /// The files as a copy of a running machine has them: what reads see.
  package func snapshot() -> DiskImage {
    let files = directory.entries.map { entry in
      DiskImage.File(
        path: entry.name, bytes: entry.file.live.array, reservedByteCount: entry.file.reservedByteCount)
    }
    return DiskImage(files: files.sorted { $0.path < $1.path })
  }

  /// Puts an image in the place of everything, durably, and starts a new generation on it.
  package func restore(_ image: DiskImage) {
    kill()
    directory.replace(
      with: image.files.map { copy in
        let file = DiskFile()
        file.replace(with: copy.bytes, reservedByteCount: copy.reservedByteCount)
        return DiskDirectory.Entry(name: copy.path, file: file)
      })
    restart()
  }

  /// Damages the files of a disk on which nothing runs: after a crash, or when every store is closed.
  package func damage(_ damage: DiskDamage) {
    switch damage {
    case .flipBit(let path, let byte, let bit):
      directory[path]?.flip(byte: byte, bit: bit)
      report("bit \(bit) of byte \(byte) of \(path) was inverted")
    case .remove(let path):
      replace(path, with: nil)
      report("\(path) was removed")
    case .rollBack(let path, let image):
      replace(path, with: image[path])
      report("\(path) was taken back to an earlier state")
    case .swap(let path, let other):
      let own = snapshot()[path]
      let foreign = other.snapshot()[path]
      replace(path, with: foreign)
      other.replace(path, with: own)
      report("\(path) was swapped with another disk's")
    }
  }

  private func replace(_ path: String, with copy: DiskImage.File?) {
    var entries = directory.entries.filter { $0.name != path }
    if let copy {
      let file = DiskFile()
      file.replace(with: copy.bytes, reservedByteCount: copy.reservedByteCount)
      entries.append(DiskDirectory.Entry(name: path, file: file))
    }
    // What was unsynced elsewhere stays so; only the names are settled.
    directory.replace(with: entries)
  }

  /// Where a bit flips at rest: a choice of the concern `.damage`. `nil` if there is no such file or none flips.
  package func drawBitFlip(in path: String, perMillion: Int = 1_000_000) -> DiskDamage? {
    guard let count = directory[path]?.live.count, count > 0, perMillion > 0 else { return nil }
    let choice = decisions.next(.damage, node: node) { generator in
      guard generator.next() % 1_000_000 < UInt64(perMillion) else { return 0 }
      return 1 + Int64(generator.next() % UInt64(count * 8))
    }
    guard choice > 0 else { return nil }
    let bit = Int(choice - 1) % (count * 8)
    return .flipBit(path: path, byte: bit / 8, bit: bit % 8)
  }

  /// A digest of every file, the same for the same seed in every process.
  ///
  /// The salts and checksums of a WAL, and rollback journals but for their length, are left out: SQLite draws salts and
  /// nonces from a generator that the whole process shares.
  package var digest: TraceDigest {
    var digest = TraceDigest()
    for file in snapshot().files {
      var path = file.path
      path.withUTF8 { digest.take($0) }
      digest.take(UInt64(file.reservedByteCount))
      digest.take(UInt64(file.bytes.count))
      guard !file.path.hasSuffix("-journal") else { continue }
      (file.path.hasSuffix("-wal") ? Self.withoutSalts(file.bytes) : file.bytes).withUnsafeBufferPointer {
        digest.take($0)
      }
    }
    return digest
  }

  /// The layout of a WAL: sqlite.org/fileformat2.html#walformat.
  private static func withoutSalts(_ wal: [UInt8]) -> [UInt8] {
    var bytes = wal
    func blank(_ range: Range<Int>) {
      for index in range.clamped(to: bytes.indices) { bytes[index] = 0 }
    }
    blank(16..<32)
    guard wal.count >= 12 else { return bytes }
    let pageBytes = wal[8..<12].reduce(0) { $0 << 8 | Int($1) }
    guard pageBytes >= 512 else { return bytes }
    for frame in stride(from: 32, to: wal.count, by: 24 + pageBytes) { blank(frame + 8..<frame + 24) }
    return bytes
  }
}
