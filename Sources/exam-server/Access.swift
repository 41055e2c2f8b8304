import ArgumentParser
import ExamServer
import Foundation

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case json
}

/// How to reach the server, and how to print.
struct Access: ParsableArguments {
  @Option(help: "The operator plane, host:port (or EXAMSYNC_SERVER).")
  var server: String?

  @Option(help: "An operator's or a proctor's token (or EXAMSYNC_TOKEN).")
  var token: String?

  @Option(help: "The data directory on this machine (or EXAMSYNC_DATA).")
  var data: String?

  @Option(help: "text for people, json for machines.")
  var output = OutputFormat.text

  /// Runs `body` with an open way to the server.
  func with(_ body: (OperatorAccess) async throws -> Void) async throws {
    let environment = ProcessInfo.processInfo.environment
    if let path = data ?? environment["EXAMSYNC_DATA"] {
      try await DirectoryLock.waitForCommands(in: DataDirectory(path: path))
    }
    let access = try OperatorAccess.open(
      server: server ?? environment["EXAMSYNC_SERVER"], token: token ?? environment["EXAMSYNC_TOKEN"],
      data: data ?? environment["EXAMSYNC_DATA"])
    do {
      try await body(access)
    } catch {
      await access.close()
      throw error
    }
    await access.close()
  }

  /// One request, and its answer printed.
  func print(
    _ method: String, _ path: String, query: [String: String] = [:], body: [String: Any]? = nil,
    columns: [String] = []
  ) async throws {
    let bytes = try body.map { Array(try JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys])) } ?? []
    try await with { access in
      show(try await access.send(method, path, query: query, body: bytes), columns: columns)
    }
  }

  /// All pages of a list.
  ///
  /// - Parameter asLines: one JSON object a line, whatever the format: for exports.
  func printPages(
    _ path: String, query: [String: String] = [:], columns: [String] = [], asLines: Bool = false
  ) async throws {
    try await with { access in
      var after: String?
      var isFirst = true
      repeat {
        var parameters = query
        parameters["limit"] = "200"
        if let after { parameters["after"] = after }
        let answer = try await access.send("GET", path, query: parameters)
        let page = try JSONSerialization.jsonObject(with: Data(answer)) as? [String: Any] ?? [:]
        let rows = page["rows"] as? [[String: Any]] ?? []
        if asLines || output == .json {
          for row in rows { Console.write(Self.line(row)) }
        } else {
          if isFirst { Swift.print(columns.joined(separator: "\t")) }
          for row in rows { Swift.print(columns.map { Self.text(row[$0], name: $0) }.joined(separator: "\t")) }
        }
        isFirst = false
        after = page["next"] as? String
      } while after != nil
    }
  }

  func show(_ answer: [UInt8], columns: [String] = []) {
    guard output == .text, let object = try? JSONSerialization.jsonObject(with: Data(answer)) as? [String: Any] else {
      return Console.write(answer + [0x0A])
    }
    if object["done"] as? Bool == true { return Swift.print("done") }
    let names = columns.isEmpty ? object.keys.sorted() : columns
    for name in names where object[name] != nil { Swift.print("\(name): \(Self.text(object[name], name: name))") }
  }

  private static func line(_ row: [String: Any]) -> [UInt8] {
    let options: JSONSerialization.WritingOptions = [.sortedKeys, .withoutEscapingSlashes]
    let data = (try? JSONSerialization.data(withJSONObject: row, options: options)) ?? Data()
    return Array(data) + [0x0A]
  }

  /// A value as people read it: instants, whose names end in “At”, in ISO 8601.
  private static func text(_ value: Any?, name: String = "") -> String {
    switch value {
    case let instant as NSNumber where name.hasSuffix("At"):
      return Date(timeIntervalSince1970: instant.doubleValue / 1_000).ISO8601Format()
    case nil: return "-"
    case let text as String: return text.isEmpty ? "-" : text
    case let number as NSNumber where String(cString: number.objCType) == "c": return number.boolValue ? "yes" : "no"
    case let number as NSNumber: return number.stringValue
    case let list as [Any]: return list.map { text($0) }.joined(separator: ",")
    case let object as [String: Any]:
      return object.keys.sorted().map { "\($0)=\(text(object[$0], name: $0))" }.joined(separator: " ")
    default: return "\(value ?? "-")"
    }
  }
}

/// Instants as people write them: ISO 8601, milliseconds since 1970 (with or without `@`), or `+90s`, `+10m`, `+2h`
/// from now.
struct Instant: ExpressibleByArgument {
  var milliseconds: Int64

  init?(argument: String) {
    if let milliseconds = Int64(argument.hasPrefix("@") ? String(argument.dropFirst()) : argument) {
      self.milliseconds = milliseconds
    } else if argument.hasPrefix("+"), let duration = Span(argument: String(argument.dropFirst())) {
      milliseconds = Int64(Date().timeIntervalSince1970 * 1_000) + duration.milliseconds
    } else if let date = ISO8601DateFormatter().date(from: argument) {
      milliseconds = Int64(date.timeIntervalSince1970 * 1_000)
    } else {
      return nil
    }
  }
}

/// `500ms`, `90s`, `10m`, `2h`.
struct Span: ExpressibleByArgument {
  var milliseconds: Int64

  init?(argument: String) {
    for (suffix, factor) in [("ms", Int64(1)), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)]
    where argument.hasSuffix(suffix) {
      guard let value = Int64(argument.dropLast(suffix.count)), (0...1_000_000_000).contains(value) else { continue }
      milliseconds = value * factor
      return
    }
    return nil
  }
}
