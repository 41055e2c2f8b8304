import Synchronization

/// The objects that migrations make, for every opening after the first: only the SQL says what they are, so they are
/// the same for each file, and running the migrations is a large part of an opening.
enum SchemaShelf {
  /// A program has a few schemas with a few versions each; one that makes them without end keeps no more than this.
  private static let limit = 64

  private static let shelf = Mutex<[[String]: Set<SchemaObject>]>([:])

  static func objects(of steps: [String]) -> Set<SchemaObject>? {
    shelf.withLock { $0[steps] }
  }

  static func keep(_ objects: Set<SchemaObject>, of steps: [String]) {
    shelf.withLock { if $0.count < limit { $0[steps] = objects } }
  }
}
