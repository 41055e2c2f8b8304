import SQLite

#if PlantedBugs
  import Planted
#endif

/// Where a store is and how its files are named.
struct StoreSetup {
  var path: String
  var vfs: String?
  var files: any StoreFiles
  var appVersion: String
  var vault: (any StoreVault)?

  /// Room for some hundred more answers and the seal, when the disk is full.
  static let reserveBytes = 1 << 20

  var lockPath: String { path + ".lock" }
  var reservePath: String { path + ".reserve" }
  var blobPath: String { path + "-blobs" }
  /// Stands there since the disk failed, until the store was copied. It need not survive a power cut: that ends the
  /// cache that could not be trusted.
  var faultPath: String { path + ".fault" }
  /// A store that is being put together from a damaged one.
  var buildingPath: String { path + ".building" }

  static func companions(of path: String) -> [String] { [path + "-wal", path + "-shm", path + "-journal"] }

  func noteFault() { files.reserve(faultPath, byteCount: 0) }

  /// Opens the store's file; what goes wrong is said as an opening's failure.
  func open() throws(ExamStoreError) -> Connection {
    do throws(SQLiteError) { return try connect(path) } catch { throw .opening(error, path: path) }
  }

  func connect(_ path: String) throws(SQLiteError) -> Connection {
    var options = ConnectionOptions.durable
    options.vfsName = vfs
    #if PlantedBugs
      if planted(.deviceSynchronousNormal) { options.synchronous = .normal }
    #endif
    return try Connection(path: path, options: options)
  }
}
