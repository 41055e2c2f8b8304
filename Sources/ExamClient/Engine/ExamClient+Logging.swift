import Logging

/// What is logged names no answer, no password and no code.
extension ExamClient {
  /// Something failed that the engine could not mend by itself, or that a person should know of.
  nonisolated func logFault(_ message: String, _ detail: String) {
    logger.error("\(message)", metadata: ["detail": "\(detail)"])
  }

  nonisolated func logNotice(_ message: String, _ detail: String) {
    logger.notice("\(message)", metadata: ["detail": "\(detail)"])
  }

  nonisolated func logDetail(_ message: String, _ detail: String) {
    logger.debug("\(message)", metadata: ["detail": "\(detail)"])
  }
}
