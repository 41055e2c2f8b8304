import ExamModel
public import Foundation
import PaperImport
import ServerCore
import SyncProtocol
import SyncWire

/// The body of a publication: the files of a paper's folder by name, as base64.
public struct PaperUpload: Codable, Sendable {
  public var files: [String: Data]

  public init(files: [String: Data]) {
    self.files = files
  }
}

/// `POST /v1/exams/{exam}/papers`: checks a paper, seals it, writes its blobs to the disk, and only then tells the
/// store, so that no record ever names a blob that is not there.
extension OperatorService {
  func publishPaper(
    _ exam: ID128, _ request: OperatorRequest, by identity: OperatorIdentity
  ) async throws -> OperatorAnswer {
    let parameters = OperatorParameters(parameters: [:], query: [:], body: request.body)
    let upload = try parameters.decode(PaperUpload.self)
    let imported: ImportedPaper
    do {
      imported = try PaperImporter.load(files: upload.files.mapValues { Array($0) })
    } catch {
      throw Problem(.invalidValue, error.description)
    }
    guard case .publishing(let state) = try await perform(.publishingState(exam: exam), by: identity) else {
      throw Problem(.internal, "The server mixed up two answers. Send it again.")
    }
    let blobs = blobs
    let published = try await workers.run { try Self.publish(imported, after: state, to: blobs) }
    return try Self.json(try await perform(.publishPaper(exam: exam, paper: published), by: identity))
  }

  private static func publish(
    _ imported: ImportedPaper, after state: PublishingState, to blobs: BlobStore
  ) throws -> PublishedPaper {
    var generator = SystemRandomNumberGenerator()
    let key = state.key ?? ID128.random(using: &generator).bytes + ID128.random(using: &generator).bytes
    let version = state.version + 1
    var paper = imported.paper
    paper.version = Int(version)
    let parts: [PaperPart]
    do {
      parts = try paper.publicationParts(assets: imported.assets)
    } catch {
      throw Problem(.invalidValue, "The paper cannot be published: \(error)")
    }
    let publication: PaperPublisher.Publication
    do {
      publication = try PaperPublisher.publish(
        id: paper.id, version: version, parts: parts.map { ($0.name, $0.plaintext) }, key: key,
        previous: state.version == 0 ? nil : state.parts, using: &generator)
    } catch {
      throw Problem(.invalidValue, error.description)
    }
    do {
      for (digest, bytes) in publication.blobs { try blobs.write(bytes, digest: digest) }
    } catch {
      throw Problem(.storageFailed, "\(error)")
    }
    return PublishedPaper(
      version: version, manifest: publication.manifest, packs: publication.packs, key: key,
      keyCheck: publication.keyCheck, parts: publication.parts, items: PaperItem.index(of: paper))
  }
}
