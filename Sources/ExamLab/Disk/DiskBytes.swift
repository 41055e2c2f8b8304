/// Bytes of a file: flat memory that grows, so that a page is one copy.
final class DiskBytes {
  private(set) var base: UnsafeMutableRawPointer
  private(set) var count = 0
  private var capacity: Int

  init(capacity: Int = DiskBlocks.smallest) {
    self.capacity = DiskBlocks.size(for: capacity)
    base = DiskBlocks.take(self.capacity)
  }

  deinit { DiskBlocks.give(base, capacity) }

  private func makeRoom(for wanted: Int) {
    guard wanted > capacity else { return }
    let larger = DiskBlocks.size(for: wanted)
    let fresh = DiskBlocks.take(larger)
    fresh.copyMemory(from: base, byteCount: count)
    DiskBlocks.give(base, capacity)
    base = fresh
    capacity = larger
  }

  /// Cuts off the end, or adds zeros.
  func resize(to size: Int) {
    if size > count {
      makeRoom(for: size)
      (base + count).initializeMemory(as: UInt8.self, repeating: 0, count: size - count)
    }
    count = size
  }

  /// Writes over what is there; a gap before `offset` becomes zeros.
  func write(_ source: UnsafeRawPointer, count length: Int, at offset: Int) {
    if offset > count { resize(to: offset) }
    makeRoom(for: offset + length)
    (base + offset).copyMemory(from: source, byteCount: length)
    count = max(count, offset + length)
  }

  /// Copies what there is of a range and gives the number of bytes.
  func read(into target: UnsafeMutableRawPointer, count length: Int, at offset: Int) -> Int {
    let found = min(length, max(0, count - offset))
    if found > 0 { target.copyMemory(from: base + offset, byteCount: found) }
    return found
  }

  /// Appends and gives the place.
  func append(_ source: UnsafeRawPointer, count length: Int) -> Int {
    let place = count
    write(source, count: length, at: place)
    return place
  }

  /// Becomes what `other` is, where both are the same before `start` already.
  func copy(_ other: DiskBytes, from start: Int) {
    resize(to: start)
    if other.count > start { write(other.base + start, count: other.count - start, at: start) }
  }

  /// A copy of a part of what is there.
  func part(from offset: Int, count length: Int) -> DiskBytes {
    let part = DiskBytes(capacity: length)
    _ = part.append(base + offset, count: length)
    return part
  }

  /// Inverts a bit, where there is one.
  func flip(byte: Int, bit: Int) {
    guard byte < count else { return }
    let place = base + byte
    place.storeBytes(of: place.load(as: UInt8.self) ^ (1 << UInt8(bit & 7)), as: UInt8.self)
  }

  func copy(_ bytes: [UInt8]) {
    count = 0
    bytes.withUnsafeBytes { buffer in
      if let start = buffer.baseAddress { write(start, count: buffer.count, at: 0) }
    }
  }

  var array: [UInt8] { Array(UnsafeRawBufferPointer(start: base, count: count)) }
}
