import CurlTransport
import ExamModel
import ExamStore
import SyncProtocol
import SyncWire

/// What only scripts and the command ask for.
extension ExamClient {
  /// The first two figures of a status, without looking at anything else.
  package var headline: (phase: ExamStatus.Phase, saved: Int) {
    guard let store, store.identity?.grant != nil else { return (.loggedOut, 0) }
    guard let attempt, let status = try? store.status(of: attempt) else { return (.loggedIn, 0) }
    return (phase(of: status), status.counts.saved)
  }

  /// Answers an item from the text of a script, read by the kind of the item.
  package func answer(_ item: String, text: String) throws(ExamClientError) -> SaveReceipt {
    let attempt = try joinedAttempt()
    ringWhatIsDue()
    let paper = try answerablePaper(attempt)
    guard let kind = paper.paper.item(item)?.kind else {
      throw ExamClientError(AnswerRejection.unknownItem(item))
    }
    return try answer(item, AnswerText.value(text, for: kind))
  }

  /// A ready, authenticated request as a command line for a person: `exam-client request --print-curl`.
  ///
  /// - Parameter path: such as `/v1/sync`, which asks for everything that is new in the scopes.
  package func curlCommand(path: String) throws(ExamClientError) -> String {
    guard path.hasPrefix("/v1/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x27 && $0 != 0x5C }) else {
      throw ExamClientError(.badArgument, "A path begins with /v1/, such as /v1/sync.")
    }
    let store = try openStore()
    let kept = (try? store.setting(SettingName.serverURL)).map { String(decoding: $0, as: UTF8.self) }
    let address = kept ?? plane.address
    guard path == "/v1/sync" else { return "curl -sS '\(address)\(path)'" }
    guard let session = store.identity?.grant.flatMap({ LiveSession($0) }) else { throw .loginNeeded }
    let now = reading()
    let sentAt = serverTime.estimate(atBootMilliseconds: now.bootMilliseconds) ?? now.wallMilliseconds
    let prepared = DevicePlane(serverURL: address).post(
      path, SyncRequest(scopes: wantedScopes()).wire, session: session, sentAt: sentAt)
    let authorization = prepared.request.headers["Authorization"] ?? ""
    return "printf '%s' '\(Base64.encode(prepared.request.body))' | base64 -d | curl -sS -D - -X POST "
      + "-H 'Content-Type:' -H 'Authorization: \(authorization)' --data-binary @- '\(address)\(path)'"
  }
}

/// Checks a receipt's file without a network: `exam-client verify`.
package enum ReceiptFile {
  /// - Parameter file: the receipt's bytes, or their base64.
  /// - Returns: what it says; `nil` unless the server with this key signed it.
  package static func verify(_ file: [UInt8], serverKey: [UInt8]) -> ScriptReply? {
    for bytes in [file, Base64.decode(file)].compactMap(\.self) {
      guard let receipt = try? Receipt(wire: bytes),
        let (statement, root) = try? receipt.verified(publicKey: serverKey)
      else { continue }
      return ScriptReply(
        "valid",
        [
          ("number", .text(statement.number)), ("attempt", .text(statement.attempt.hex)),
          ("ordinal", .count(statement.ordinal)), ("answers", .count(statement.answerCount)),
          ("applied", .count(statement.appliedCount)),
          ("complete", .flag(statement.applied == statement.answers)),
          ("server_time", .number(statement.serverTime)), ("time", .text(UTCTime.text(statement.serverTime))),
          ("root_index", .count(root.index)),
        ],
        summary: "receipt \(statement.number), \(statement.answerCount) answers, "
          + UTCTime.text(statement.serverTime))
    }
    return nil
  }
}
