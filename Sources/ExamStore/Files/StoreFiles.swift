/// What the store does with files beside SQLite's own reading and writing. A simulated disk brings its own.
public protocol StoreFiles {
  /// Takes the lock file for this process, so that no second process opens the store; throws
  /// ``ExamStoreError/Code/storeInUse`` naming the owner.
  func lock(_ path: String) throws(ExamStoreError) -> any StoreLock
  func exists(_ path: String) -> Bool
  /// Renames and makes the new name durable. The target must not exist.
  func rename(_ path: String, to newPath: String) throws(ExamStoreError)
  /// Removes a file that this module itself made; without effect if there is none.
  func remove(_ path: String)
  /// Makes a file that takes this much room on the disk. Failure is not an error: there is no reserve then.
  func reserve(_ path: String, byteCount: Int)
}

/// A lock that is held until ``release()``, or until its process ends however it ends.
public protocol StoreLock: AnyObject {
  func release()
}
