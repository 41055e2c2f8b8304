import ExamModel
import Foundation
public import SyncProtocol

/// Where a server keeps everything: one folder, one owner.
///
/// ```
/// store.sqlite   the store            identity.key   Ed25519 seed, 0600
/// blobs/ab/…     sealed papers        admin.token    token of the commands on this machine, 0600
/// backups/       copies of the store  server.lock    who has it open: pid and operator address
/// settings.json  public address       reserve        room for seals when the disk is full
/// ```
public struct DataDirectory: Sendable {
  public let path: String

  public init(path: String) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  public var store: String { "\(path)/store.sqlite" }
  public var blobs: String { "\(path)/blobs" }
  public var backups: String { "\(path)/backups" }
  var identityFile: String { "\(path)/identity.key" }
  var adminTokenFile: String { "\(path)/admin.token" }
  var settingsFile: String { "\(path)/settings.json" }
  var lockFile: String { "\(path)/server.lock" }
  var reserve: String { "\(path)/reserve" }

  public var isInitialized: Bool { FileSystem.size(identityFile) != nil }

  /// The server's Ed25519 key.
  public func identity() throws(StorageError) -> SigningKey {
    guard let bytes = try FileSystem.readAll(identityFile, limit: 4_096) else {
      throw StorageError("\(path) holds no server. Make one with exam-server init --data \(path).")
    }
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let seed = Hex.decode(text), let key = SigningKey(seed: seed) else {
      throw StorageError("\(identityFile) is not a server's key. Put the key back from where you keep its copy.")
    }
    return key
  }

  /// The token of the commands that run on this machine; `nil` if there is none.
  public func adminToken() throws(StorageError) -> String? {
    guard let bytes = try FileSystem.readAll(adminTokenFile, limit: 4_096) else { return nil }
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  func settings() throws(StorageError) -> ServerSettings {
    guard let bytes = try FileSystem.readAll(settingsFile, limit: 65_536) else { return ServerSettings() }
    do {
      return try JSONDecoder().decode(ServerSettings.self, from: Data(bytes))
    } catch {
      throw StorageError("\(settingsFile) cannot be read: \(error). Correct it or remove it.")
    }
  }

  func write(settings: ServerSettings) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    try FileSystem.writeDurably(Array(try encoder.encode(settings)) + [0x0A], to: settingsFile, mode: 0o640)
  }

  /// Makes the folder, the identity and the admin token.
  ///
  /// - Returns: the admin token, whose hash has to go into the store.
  func initialize(settings: ServerSettings) throws -> String {
    guard !isInitialized else {
      throw StorageError("\(path) holds a server already. Start it with exam-server serve --data \(path).")
    }
    try FileSystem.makeDirectory(path)
    for folder in [blobs, backups] { try FileSystem.makeDirectory(folder) }
    let token = OperatorToken.make()
    try write(settings: settings)
    try FileSystem.writeDurably(Array((token + "\n").utf8), to: adminTokenFile, mode: 0o600)
    try FileSystem.writeDurably(Array((Hex.encode(SigningKey().seed) + "\n").utf8), to: identityFile, mode: 0o600)
    return token
  }
}

/// What `init` and `serve` remember between runs.
struct ServerSettings: Codable, Sendable {
  /// The address that goes onto the hand-outs.
  var address = "http://127.0.0.1:8080"
}

/// The lock of a data directory: held by an open file for as long as the process lives, and naming its owner.
public final class DirectoryLock: Sendable {
  private let descriptor: Int32
  private let path: String
  /// The last owner never let go of it as it should: it was killed, lost its power, or its store failed.
  let wasLeftBehind: Bool

  /// - Throws: a ``StorageError`` that names the owner if there is one.
  public init(_ directory: DataDirectory) throws(StorageError) {
    path = directory.lockFile
    descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o640)
    guard descriptor >= 0 else { throw .system("Opening", path) }
    // Somebody who only asks for the owner holds the lock for a moment.
    var tries = 0
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0, tries < 10 {
      tries += 1
      usleep(5_000)
    }
    guard tries < 10 else {
      // `deinit` runs for what throws here, and closes; a second close could hit a descriptor of another thread.
      let owner = Self.owner(of: directory)
      throw StorageError(
        "\(directory.path) is open in process \(owner.map { "\($0.pid)" } ?? "(unknown)"). "
          + "Give commands to that server, or stop it first.")
    }
    wasLeftBehind = FileSystem.size(path) ?? 0 > 0
    try record(address: nil)
  }

  deinit {
    close(descriptor)
  }

  /// Waits while a command holds the directory: one that found no server and opened the store itself. Returns at once
  /// for a free directory, and for one that a running server holds.
  public static func waitForCommands(in directory: DataDirectory, seconds: Int = 15) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while let owner = owner(of: directory), owner.operatorAddress == nil, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// Writes who holds the lock, and where its operator port is.
  func record(address: String?) throws(StorageError) {
    let text = Array("\(getpid())\n\(address ?? "")\n".utf8)
    guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
      throw .system("Writing", path)
    }
  }

  /// Ends the lock; the file stays and names nobody.
  ///
  /// - Parameter isSound: otherwise the file keeps the last owner's name, and the next one verifies the store.
  func release(isSound: Bool = true) {
    if isSound { _ = ftruncate(descriptor, 0) }
    _ = flock(descriptor, LOCK_UN)
  }

  public struct Owner: Sendable {
    public var pid: Int32
    /// `host:port` of the operator plane; `nil` while it is starting, or for a command that holds the store.
    public var operatorAddress: String?
  }

  /// Who holds the directory; `nil` if nobody does.
  public static func owner(of directory: DataDirectory) -> Owner? {
    let descriptor = open(directory.lockFile, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
      _ = flock(descriptor, LOCK_UN)
      return nil
    }
    let bytes = (try? FileSystem.readAll(directory.lockFile, limit: 4_096)) ?? []
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    guard let pid = lines.first.flatMap({ Int32($0) }) else { return Owner(pid: 0, operatorAddress: nil) }
    let address = lines.count > 1 && !lines[1].isEmpty ? String(lines[1]) : nil
    return Owner(pid: pid, operatorAddress: address)
  }
}
