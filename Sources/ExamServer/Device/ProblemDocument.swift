import SyncProtocol

/// A problem detail as JSON (RFC 9457).
enum ProblemDocument {
  /// - Parameter instance: the request's path, where that helps a person to find it.
  static func json(_ problem: Problem, instance: String? = nil) -> [UInt8] {
    var text = "{\"type\":\"\(problem.type)\",\"title\":\"\(problem.title)\",\"status\":\(problem.status)"
    text += ",\"detail\":\(quoted(problem.detail))"
    if let instance { text += ",\"instance\":\(quoted(instance))" }
    text += ",\"next_actor\":\"\(problem.nextActor.rawValue)\""
    if let seconds = problem.retryAfterSeconds { text += ",\"retry_after\":\(seconds)" }
    return Array((text + "}").utf8)
  }

  /// A JSON string of at most 500 characters (RFC 8259, section 7).
  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars.prefix(500) {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
