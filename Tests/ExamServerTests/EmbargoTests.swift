import ExamModel
import Foundation
import PaperImport
import ServerCore
import SyncProtocol
import SyncWire
import Testing

@testable import ExamServer

/// I18: collects every byte that a candidate can fetch and looks for what must not be in it.
@Suite(.timeLimit(.minutes(10))) struct EmbargoTests {
  /// Everything that came back, headers and refusals too, as sent and inflated, and each blob.
  private struct Catch {
    var bytes: [[UInt8]] = []
    var records: [Record] = []
    var blobs: [Digest256: [UInt8]] = [:]

    mutating func take(_ answer: RawAnswer) {
      bytes.append(answer.body)
      bytes.append(Array("\(answer.headers)".utf8))
      if let inflated = try? BodyFraming.unframe(answer.body) { bytes.append(inflated) }
    }

    func found(_ needles: [String]) -> [String] {
      bytes.flatMap { Canaries.found(needles, in: $0) }
    }
  }

  @Test(arguments: [CanarySource.generated, .sample])
  func nothingLeaksBeforeTheReleaseAndNoKeyEver(source: CanarySource) async throws {
    let server = try await TestServer()
    do {
      let (files, imported) = try source.load()
      let canaries = Canaries(of: imported)
      #expect(canaries.secrets.count >= 16 && canaries.stems.count >= 10)
      let exam = try await server.makeOpeningExam(files: files)
      let device = TestDevice(server)
      var before = Catch()
      before.take(try #require(try await device.login()))
      let cursors = try await collect(device, exam, into: &before)
      #expect(before.found(canaries.secrets + canaries.stems).isEmpty)
      #expect(!before.records.contains { $0.collection == ScopeCollection.key })

      // The opening is moved to just ahead of us; the release wakes the poll.
      let opensAt = ServerClock().now + 1_500
      _ = try await server.operate(
        "POST", "/v1/exams/\(exam.hex)/postpone", json: ["opensAt": opensAt, "closesAt": opensAt + 3_600_000])
      var after = before
      let released = try await awaitKey(device, cursors, into: &after)
      #expect(ServerClock().now >= opensAt)
      let key = try KeyRecord(wire: released.body).key
      let paper = try openPaper(before, key: key, into: &after)
      #expect(paper.items.count == imported.paper.items.count)
      #expect(after.found(canaries.secrets).isEmpty, "an answer key or a rationale can be fetched")
      // The same search finds what is there: it can fail.
      #expect(Set(after.found(canaries.stems)).count == Set(canaries.stems).count)
    } catch {
      await server.end()
      throw error
    }
    await server.end()
  }

  /// Polls until the key's record comes; each poll is answered by the server, nothing is slept.
  private func awaitKey(
    _ device: TestDevice, _ start: [ScopeCursor], into caught: inout Catch
  ) async throws -> Record {
    var cursors = start
    while true {
      try Task.checkCancellation()
      let response = try await device.sync(SyncRequest(scopes: cursors, waitMilliseconds: 30_000))
      caught.bytes.append(response.wire)
      for delta in response.deltas {
        if let key = delta.records.first(where: { $0.collection == ScopeCollection.key }) { return key }
        guard let index = cursors.firstIndex(where: { $0.scope == delta.scope }) else { continue }
        cursors[index] = ScopeCursor(scope: delta.scope, cursor: delta.to)
      }
      try #require(!response.deltas.isEmpty, "the poll ended without the key")
    }
  }

  /// Scopes, every blob that a record names, and some refusals.
  private func collect(
    _ device: TestDevice, _ exam: ID128, into caught: inout Catch
  ) async throws -> [ScopeCursor] {
    let candidate = try #require(device.grant).candidate
    var cursors = [candidate, exam].map { ScopeCursor(scope: $0, cursor: .start) }
    while true {
      try Task.checkCancellation()
      let response = try await device.sync(SyncRequest(scopes: cursors))
      caught.bytes.append(response.wire)
      if response.deltas.isEmpty { break }
      for delta in response.deltas {
        caught.records += delta.records
        guard let index = cursors.firstIndex(where: { $0.scope == delta.scope }) else { continue }
        cursors[index] =
          delta.checkpoint == nil
          ? ScopeCursor(scope: delta.scope, cursor: cursors[index].cursor, staged: delta.to.version)
          : ScopeCursor(scope: delta.scope, cursor: delta.to)
      }
    }
    for record in caught.records where record.collection == ScopeCollection.paper {
      let paper = try PaperRecord(wire: record.body)
      for blob in paper.packs + [paper.manifest] {
        let answer = try #require(
          try await device.server.exchange("GET /v1/blobs/\(blob.digest.hex) HTTP/1.1\r\nHost: exam\r\n\r\n"))
        #expect(answer.status == 200 && answer.body.count == Int(blob.length))
        #expect(Hash.sha256(answer.body) == blob.digest)
        caught.take(answer)
        caught.blobs[blob.digest] = answer.body
      }
    }
    let probes = [
      "GET /v1/server HTTP/1.1\r\nHost: exam\r\n\r\n", "GET / HTTP/1.1\r\nHost: exam\r\n\r\n",
      "GET /v1/blobs/../store.sqlite HTTP/1.1\r\nHost: exam\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: exam\r\n\r\n",
      "GET /v1/exams HTTP/1.1\r\nHost: exam\r\n\r\n",
    ]
    for probe in probes { if let answer = try await device.server.exchange(probe) { caught.take(answer) } }
    return cursors
  }

  /// Opens everything with the key, as the candidate's phone does.
  private func openPaper(_ before: Catch, key: [UInt8], into after: inout Catch) throws -> Paper {
    let record = try #require(before.records.last { $0.collection == ScopeCollection.paper })
    let manifestDigest = try PaperRecord(wire: record.body).manifest.digest
    let sealedManifest = try #require(before.blobs[manifestDigest])
    let opened = try BlobSeal.open(sealedManifest, paperKey: key)
    after.bytes.append(opened)
    var parts: [String: [UInt8]] = [:]
    for part in try PaperManifest(wire: opened).parts {
      let pack = try #require(before.blobs[part.pack])
      let sealed = Array(pack[Int(part.offset)..<Int(part.offset + part.length)])
      #expect(Hash.sha256(sealed) == part.digest)
      let plaintext = try BlobSeal.open(sealed, paperKey: key)
      after.bytes.append(plaintext)
      parts[part.name] = plaintext
    }
    return try Paper { name throws(WireError) in
      guard let plaintext = parts[name] else { throw WireError(name, "is not in the manifest") }
      return plaintext
    }
  }
}

/// Where a paper with canaries comes from.
enum CanarySource: Sendable, CaseIterable {
  case generated
  case sample

  func load() throws -> (files: [String: [UInt8]], paper: ImportedPaper) {
    switch self {
    case .generated:
      return (CanaryPaper.files(seed: 5, itemCount: 40), try CanaryPaper.make(seed: 5, itemCount: 40))
    case .sample:
      let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("SampleData/medical-en")
      var files: [String: [UInt8]] = [:]
      for name in ["paper.json", "key.json"] {
        files[name] = Array(try Data(contentsOf: folder.appendingPathComponent(name)))
      }
      let assets = folder.appendingPathComponent("assets")
      for name in try FileManager.default.contentsOfDirectory(atPath: assets.path) {
        files["assets/\(name)"] = Array(try Data(contentsOf: assets.appendingPathComponent(name)))
      }
      return (files, try PaperImporter.load(folder.path))
    }
  }
}

extension TestServer {
  /// An exam with a published paper and the candidate `wang`.
  /// It opens in an hour.
  fileprivate func makeOpeningExam(files: [String: [UInt8]]) async throws -> ID128 {
    let opensAt = ServerClock().now + 3_600_000
    let exam = try await operate(
      "POST", "/v1/exams",
      json: [
        "title": "Finals", "opensAt": opensAt, "closesAt": opensAt + 3_600_000, "policy": [String: Any](),
        "specialty": "",
      ])
    let id = try #require(exam["exam"] as? String)
    let upload = try JSONEncoder().encode(PaperUpload(files: files.mapValues { Data($0) }))
    let published = try await operate("POST", "/v1/exams/\(id)/papers", body: Array(upload))
    try #require(published.status == 200, "\(String(decoding: published.body, as: UTF8.self))")
    let table = "number,name,username,password\nN1,wang,wang,secret1234\n"
    let roster = try await operate("POST", "/v1/exams/\(id)/roster", body: Array(table.utf8))
    try #require(roster.status == 200)
    return try #require(ID128(hex: id))
  }
}
