public import ExamModel

/// The Merkle tree of RFC 9162, section 2.1: leaves are hashed with prefix 0, nodes with prefix 1.
public enum MerkleTree {
  /// `SHA-256(0 ‖ bytes)`.
  public static func leaf(_ bytes: [UInt8]) -> Digest256 {
    Hash.sha256([0] + bytes)
  }

  static func node(_ left: Digest256, _ right: Digest256) -> Digest256 {
    var bytes: [UInt8] = [1]
    bytes.reserveCapacity(65)
    left.append(to: &bytes)
    right.append(to: &bytes)
    return Hash.sha256(bytes)
  }

  /// The root over leaf hashes; of none, SHA-256 of nothing.
  public static func root(_ leaves: ArraySlice<Digest256>) -> Digest256 {
    switch leaves.count {
    case 0: return Hash.sha256([])
    case 1: return leaves[leaves.startIndex]
    default:
      let middle = leaves.startIndex + split(leaves.count)
      return node(root(leaves[..<middle]), root(leaves[middle...]))
    }
  }

  /// The inclusion proof of one leaf, from the leaf's sibling up.
  public static func path(to index: Int, in leaves: ArraySlice<Digest256>) -> [Digest256] {
    guard leaves.count > 1 else { return [] }
    let middle = split(leaves.count)
    let border = leaves.startIndex + middle
    if index < middle {
      return path(to: index, in: leaves[..<border]) + [root(leaves[border...])]
    }
    return path(to: index - middle, in: leaves[border...]) + [root(leaves[..<border])]
  }

  /// The root that a leaf and its proof lead to (RFC 9162, 2.1.3.2); `nil` when the proof has a wrong length.
  public static func root(
    leaf: Digest256, index: UInt64, count: UInt64, path: [Digest256]
  ) -> Digest256? {
    guard index < count else { return nil }
    var position = index
    var last = count - 1
    var hash = leaf
    for sibling in path {
      guard last > 0 else { return nil }
      if position & 1 == 1 || position == last {
        hash = node(sibling, hash)
        while position & 1 == 0 && position != 0 {
          position >>= 1
          last >>= 1
        }
      } else {
        hash = node(hash, sibling)
      }
      position >>= 1
      last >>= 1
    }
    return last == 0 ? hash : nil
  }

  /// The greatest power of two below `count`.
  private static func split(_ count: Int) -> Int {
    1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }
}
