import Foundation
import PaperImport

/// What commands send up, read from files on this machine and checked here first, so that errors name file and line.
public enum Uploads {
  /// Rows of one roster request: scrypt of each takes a tenth of a second, and progress is to be seen.
  public static let rosterRows = 25

  /// A paper's folder, or one file with its key and `assets/` beside it, as the body of a publication.
  public static func paper(_ path: String) throws -> [UInt8] {
    do {
      _ = try PaperImporter.load(path)
    } catch {
      throw CommandError(.refused, error.description)
    }
    let isFolder = FileSystem.isDirectory(path)
    let folder = isFolder ? path : FileSystem.folder(of: path)
    var files: [String: Data] = [:]
    if isFolder {
      for name in ["paper.json", "key.json"] {
        if let bytes = try FileSystem.readAll("\(folder)/\(name)", limit: OperatorPlane.bodyBytes) {
          files[name] = Data(bytes)
        }
      }
    } else if let bytes = try FileSystem.readAll(path, limit: OperatorPlane.bodyBytes) {
      files["paper.json"] = Data(bytes)
    }
    let assets = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/assets")) ?? []
    for name in assets.sorted() {
      if let bytes = try FileSystem.readAll("\(folder)/assets/\(name)", limit: OperatorPlane.bodyBytes) {
        files["assets/\(name)"] = Data(bytes)
      }
    }
    return Array(try JSONEncoder().encode(PaperUpload(files: files)))
  }

  /// A roster cut into tables of at most ``rosterRows`` candidates.
  public static func roster(_ path: String) throws -> [[UInt8]] {
    let candidates: [RosterCandidate]
    do {
      candidates = try RosterImporter.load(path)
    } catch {
      throw CommandError(.refused, error.description)
    }
    return stride(from: 0, to: candidates.count, by: rosterRows).map { start in
      var text = "number,name,username,password,specialty,room\r\n"
      for candidate in candidates[start..<min(start + rosterRows, candidates.count)] {
        let fields = [
          candidate.number, candidate.name, candidate.username, candidate.password ?? "", candidate.specialty,
          candidate.room,
        ]
        text += fields.map(quoted).joined(separator: ",") + "\r\n"
      }
      return Array(text.utf8)
    }
  }

  private static func quoted(_ field: String) -> String {
    "\"" + field.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}

/// The hand-out of a roster as CSV.
public struct HandOutTable: Sendable {
  private var cards: [HandOutCard] = []
  public private(set) var newCandidates = 0

  public init() {}

  /// Adds the answer of one roster request.
  public mutating func add(_ answer: [UInt8]) throws {
    let handOut = try JSONDecoder().decode(RosterHandOut.self, from: Data(answer))
    for row in handOut.rows {
      if row.isNew { newCandidates += 1 }
      let candidate = RosterCandidate(
        number: row.number, name: row.name, username: row.username, specialty: row.specialty, room: row.room)
      cards.append(
        HandOutCard(
          candidate: candidate, firstPassword: row.password, serverAddress: handOut.serverAddress,
          serverKey: handOut.serverKey))
    }
  }

  public var count: Int { cards.count }

  /// Writes the table so that only its owner can read it: it holds passwords.
  public func write(to path: String) throws {
    try FileSystem.writeDurably(HandOutWriter.csv(cards), to: path, mode: 0o600)
  }

  public var csv: [UInt8] { HandOutWriter.csv(cards) }
}
