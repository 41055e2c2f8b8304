import Synchronization

/// The memory of virtual disks, used again by the next one: a campaign makes dozens of disks a second, and memory that
/// is fresh from the kernel costs a page fault for every page.
///
/// What a block held before stays in it: whoever takes one reads only what was written since.
enum DiskBlocks {
  /// Bytes of the smallest block.
  static let smallest = 4096
  /// Bytes that lie unused at most; more goes back to the allocator.
  private static let unusedLimit = 64 << 20

  /// Addresses, because a pointer may not cross threads unchecked; nobody else knows an unused block.
  private struct Shelf {
    /// By the power of two that is the size.
    var blocks = [[UInt]](repeating: [], count: UInt.bitWidth)
    var unusedBytes = 0
  }

  private static let shelf = Mutex(Shelf())

  /// The size of a block with room for so many bytes: a power of two.
  static func size(for wanted: Int) -> Int {
    let wanted = max(wanted, smallest)
    return 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
  }

  /// A block of a size that ``size(for:)`` gave.
  static func take(_ size: Int) -> UnsafeMutableRawPointer {
    let address = shelf.withLock { (shelf) -> UInt? in
      guard let found = shelf.blocks[size.trailingZeroBitCount].popLast() else { return nil }
      shelf.unusedBytes -= size
      return found
    }
    if let address, let block = UnsafeMutableRawPointer(bitPattern: address) { return block }
    return .allocate(byteCount: size, alignment: 16)
  }

  /// Gives everything that lies unused back to the allocator.
  static func clear() {
    let unused = shelf.withLock { (shelf) -> [UInt] in
      defer { shelf = Shelf() }
      return Array(shelf.blocks.joined())
    }
    for address in unused { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
  }

  /// Takes back a block of the size with which it was taken.
  static func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
    let address = UInt(bitPattern: block)
    let isKept = shelf.withLock { (shelf) -> Bool in
      guard shelf.unusedBytes + size <= unusedLimit else { return false }
      shelf.blocks[size.trailingZeroBitCount].append(address)
      shelf.unusedBytes += size
      return true
    }
    if !isKept { block.deallocate() }
  }
}
