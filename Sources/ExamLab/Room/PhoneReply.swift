import Foundation

/// One line that a phone answers with (`exam-client run - --output json`).
struct PhoneReply: Decodable, Sendable {
  var ok: Bool
  var reply: String?
  var error: String?
  var message: String?
  var sequence: Int?
  var number: Number?
  var handedIn: Bool?
  var ready: Bool?
  var key: Bool?
  var phase: String?
  var attempt: String?
  var pending: Int?
  var saved: Int?
  var onServer: Int?
  var answers: Answers?
  var receipt: ReceiptField?
  var file: String?
  var openMilliseconds: Double?
  var forks: Int?
  /// In the reply to a start: the candidate's own items, in their order.
  var items: [String]?
  /// In a status: the lock that holds the attempt.
  var lock: Int?

  /// The number of a lock.
  var lockNumber: Int? {
    if case .lock(let number) = number { number } else { lock }
  }

  /// The number of a receipt.
  var receiptNumber: String? {
    if case .receipt(let text) = number { text } else { receipt?.number }
  }

  /// Locks are numbered 1, 2, 3 …; receipts have a text that people read out.
  enum Number: Decodable, Sendable {
    case lock(Int)
    case receipt(String)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let number = try? container.decode(Int.self) {
        self = .lock(number)
      } else {
        self = .receipt(try container.decode(String.self))
      }
    }
  }

  /// A count in replies to saves and seals, the whole sheet in a status.
  enum Answers: Decodable, Sendable {
    case count(Int)
    case sheet([String: String])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let count = try? container.decode(Int.self) {
        self = .count(count)
      } else {
        self = .sheet(try container.decode([String: String].self))
      }
    }
  }

  /// A receipt's number in a status.
  struct ReceiptField: Decodable, Sendable {
    var number: String
    var attempt: String?
    var ordinal: Int?
  }

  enum CodingKeys: String, CodingKey {
    case ok, reply, error, message, sequence, number, ready, key, phase, attempt, pending, saved, answers, receipt
    case file, forks, lock, items
    case handedIn = "handed_in"
    case onServer = "on_server"
    case openMilliseconds = "open_ms"
  }

  static func decode(_ line: String) throws -> PhoneReply {
    do {
      return try JSONDecoder().decode(PhoneReply.self, from: Data(line.utf8))
    } catch {
      throw RoomError("a phone answered with something else than a reply: \(line.prefix(200))")
    }
  }

  /// The sheet of a status, by item.
  var sheet: [String: String]? {
    if case .sheet(let values) = answers { values } else { nil }
  }
}
