import ExamModel

/// The fields of each reply.
extension ScriptRunner {
  func saved(_ receipt: SaveReceipt, item: String? = nil) -> ScriptReply {
    var fields: [(name: String, value: ScriptReply.Value)] = [("sequence", .count(receipt.sequence))]
    if let item { fields.append(("item", .text(item))) }
    fields.append(("answers", .count(receipt.answerCount)))
    return ScriptReply("saved", fields)
  }

  func sealed(_ receipt: SealReceipt) -> ScriptReply {
    ScriptReply("sealed", [("sequence", .count(receipt.sequence)), ("answers", .count(receipt.answerCount))])
  }

  func preflight(_ report: PreflightReport) -> ScriptReply {
    ScriptReply(
      "preflight",
      [
        ("ready", .flag(report.isReady)), ("missing", .list(report.missing.map { .text($0) })),
        ("blobs_have", .count(report.downloads.complete)), ("blobs_total", .count(report.downloads.total)),
        ("key", .flag(report.downloads.isKeyReleased)),
      ], summary: report.isReady ? "ready" : report.missing.joined(separator: "; "))
  }

  func started(_ paper: PresentedPaper) -> ScriptReply {
    ScriptReply(
      "started",
      [
        ("items", .list(paper.order.itemIDs.map { .text($0) })),
        ("deadline_in_ms", paper.time.map { .number($0.milliseconds) } ?? .none),
      ], summary: "\(paper.order.itemIDs.count)")
  }

  package static func status(_ status: ExamStatus) -> ScriptReply {
    let answers = status.answers.compactMap { answer in answer.value.map { (answer.item, $0) } }
    let receipt: ScriptReply.Value =
      status.receipt.map { receipt in
        .object([
          ("number", .text(receipt.number)), ("attempt", .text(receipt.attempt.hex)),
          ("ordinal", .count(receipt.ordinal)), ("server_time", .number(receipt.serverTime)),
          ("this_device", .flag(receipt.isFromThisDevice)), ("complete", .flag(receipt.isComplete)),
        ])
      } ?? .none
    return ScriptReply(
      "status",
      [
        ("phase", .text(status.phase.rawValue)), ("saved", .count(status.counts.saved)),
        ("on_server", .count(status.counts.onServer)), ("sealed", .count(status.counts.sealed)),
        ("receipted", .count(status.counts.receipted)), ("pending", .count(status.pendingCount)),
        ("answers", .object(answers.map { ($0.0, .text($0.1.description)) })),
        ("locks", .count(status.lockCount)), ("lock", status.lock.map { .count($0) } ?? .none),
        ("receipt", receipt), ("journal", status.journal.map { .text($0.hex) } ?? .none),
        ("sequence", .count(status.sequence)),
        ("deadline_in_ms", status.time.map { .number($0.milliseconds) } ?? .none),
        ("time_doubtful", .flag(status.time?.isDoubtful ?? false)), ("network", .text(status.contact.rawValue)),
        ("forks", .count(status.forkCount)), ("login_needed", .flag(status.isLoginNeeded)),
        ("blobs_have", .count(status.downloads.complete)), ("blobs_total", .count(status.downloads.total)),
        ("key", .flag(status.downloads.isKeyReleased)), ("replaced", .flag(status.isReplaced)),
        ("storage_low", .flag(status.isStorageLow)),
        ("trouble", status.syncTrouble.map { .text($0.cause.rawValue) } ?? .none),
        ("sections", .object(status.sections.map { ($0.section, sectionTime($0)) })),
      ], summary: words(of: status))
  }

  /// Milliseconds left, or `left`.
  private static func sectionTime(_ state: SectionState) -> ScriptReply.Value {
    state.time.map { .number($0.milliseconds) } ?? .text("left")
  }

  /// The exact words: saved on this device (n) / on the server (m) / sealed / receipt no.
  private static func words(of status: ExamStatus) -> String {
    var words = "\(status.phase.rawValue): saved on this device (\(status.counts.saved)), "
    words += "on the server (\(status.counts.onServer))"
    if status.counts.sealed > 0 || status.phase == .sealed || status.phase == .receipted { words += ", sealed" }
    if let receipt = status.receipt { words += ", receipt no. \(receipt.number)" }
    if let lock = status.lock { words += ", lock \(lock)" }
    return words
  }
}

/// Base64 with padding (RFC 4648, section 4).
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var value = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      value <<= UInt32((3 - group.count) * 8)
      for position in 0..<4 {
        let index = Int(value >> UInt32(18 - position * 6) & 63)
        text.append(position <= group.count ? alphabet[index] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// `nil` for anything but canonical, padded base64; white space is skipped.
  static func decode(_ text: [UInt8]) -> [UInt8]? {
    let digits = text.filter { $0 != 0x0A && $0 != 0x0D && $0 != 0x20 && $0 != 0x09 }
    guard digits.count.isMultiple(of: 4) else { return nil }
    let padding = digits.suffix(2).count { $0 == UInt8(ascii: "=") }
    var bytes: [UInt8] = []
    var value: UInt32 = 0
    for (index, digit) in digits.dropLast(padding).enumerated() {
      guard let position = alphabet.firstIndex(of: digit) else { return nil }
      value = value << 6 | UInt32(position)
      if index % 4 > 0 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(6 - index % 4 * 2))) }
    }
    return bytes
  }
}
