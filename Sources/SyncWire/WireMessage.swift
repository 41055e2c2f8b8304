import ExamModel
import SwiftProtobuf
import SyncProtocol

import struct Foundation.Data

/// A message of `Protocol/examsync.proto`, as a value type of the project.
///
/// Bytes that are hashed or signed are kept as they are and never made anew from a decoded value.
public protocol WireMessage {
  /// Decodes protobuf bytes.
  init(wire: [UInt8]) throws(WireError)
  /// The protobuf bytes: deterministic for one build, not a canonical form.
  var wire: [UInt8] { get }
  /// Decodes protobuf's JSON mapping, as people write it; unknown fields are refused.
  init(json: [UInt8]) throws(WireError)
  /// Protobuf's JSON mapping, for people.
  var json: [UInt8] { get }
}

/// Why bytes are not a message.
public struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The message and field, such as `Push.journal`.
  public var field: String
  public var reason: String
  /// A count or a length lies over its limit; less of the same could be read.
  public var isOverLimit: Bool

  public init(_ field: String, _ reason: String, isOverLimit: Bool = false) {
    self.field = field
    self.reason = reason
    self.isOverLimit = isOverLimit
  }

  public var description: String { "\(field): \(reason)" }
}

/// The plumbing between generated messages and the project's own types.
protocol GeneratedConvertible: WireMessage {
  associatedtype Generated: SwiftProtobuf.Message
  init(_ message: Generated) throws(WireError)
  var message: Generated { get }
}

extension GeneratedConvertible {
  public init(wire: [UInt8]) throws(WireError) {
    let message: Generated
    do {
      message = try Generated(serializedBytes: wire)
    } catch {
      throw WireError("\(Self.self)", "these bytes are not a protobuf message of this type")
    }
    try self.init(message)
  }

  public var wire: [UInt8] { encoded(message) }

  public init(json: [UInt8]) throws(WireError) {
    var options = JSONDecodingOptions()
    options.messageDepthLimit = 32
    let message: Generated
    do {
      message = try Generated(jsonUTF8Bytes: json, options: options)
    } catch {
      throw WireError("\(Self.self)", "this is not the JSON of a message of this type: \(error)")
    }
    try self.init(message)
  }

  public var json: [UInt8] {
    // Encoding fails only for an `Any` of an unknown type, which the schema does not have.
    guard let bytes: [UInt8] = try? message.jsonUTF8Bytes() else {
      preconditionFailure("\(type(of: message)) could not be encoded")
    }
    return bytes
  }
}

/// Checked conversions of fields.
enum Field {
  static func id(_ bytes: Data, _ name: String) throws(WireError) -> ID128 {
    guard let id = ID128(bytes) else { throw WireError(name, "must have 16 bytes, has \(bytes.count)") }
    return id
  }

  static func digest(_ bytes: Data, _ name: String) throws(WireError) -> Digest256 {
    guard let digest = Digest256(bytes) else { throw WireError(name, "must have 32 bytes, has \(bytes.count)") }
    return digest
  }

  static func bytes(_ bytes: Data, count: Int, _ name: String) throws(WireError) -> [UInt8] {
    guard bytes.count == count else { throw WireError(name, "must have \(count) bytes, has \(bytes.count)") }
    return Array(bytes)
  }

  /// An instant or a duration in milliseconds; anything beyond the year 9999 is refused before arithmetic.
  static func milliseconds(_ value: UInt64, _ name: String) throws(WireError) -> Int64 {
    guard value < 253_402_300_800_000 else { throw WireError(name, "is no time in milliseconds since 1970") }
    return Int64(value)
  }

  static func atMost(_ limit: Int, _ count: Int, _ name: String) throws(WireError) {
    guard count <= limit else {
      throw WireError(name, "must have at most \(limit) values, has \(count)", isOverLimit: true)
    }
  }
}

extension Sequence {
  /// `map` with a typed throw.
  func convert<Value>(_ transform: (Element) throws(WireError) -> Value) throws(WireError) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(underestimatedCount)
    for element in self { values.append(try transform(element)) }
    return values
  }
}

/// A generated message that is decoded by itself: the parts of a paper.
typealias DecodableMessage = SwiftProtobuf.Message

extension SwiftProtobuf.Message {
  static func decode(_ bytes: [UInt8], name: String) throws(WireError) -> Self {
    do {
      return try Self(serializedBytes: bytes)
    } catch {
      throw WireError(name, "is not a readable part of a paper")
    }
  }
}

func encoded(_ message: some SwiftProtobuf.Message) -> [UInt8] {
  // Encoding fails only for missing required fields, which proto3 does not have.
  guard let bytes: [UInt8] = try? message.serializedBytes() else {
    preconditionFailure("\(type(of: message)) could not be encoded")
  }
  return bytes
}
