import ArgumentParser
import ExamClient

import struct Foundation.Data
import class Foundation.FileManager
import class Foundation.JSONDecoder

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Tells how far the answers of a phone are known to have come.",
    discussion: "Asks the process that runs on the store; opens the store itself only when none runs.")

  @Option(help: "The folder of the phone's store.")
  var store: String

  @OptionGroup var options: OutputOptions

  func run() async throws {
    if let line = ControlSocket.ask("status \(options.output.rawValue)", folder: store) {
      return StandardOutput.write(line)
    }
    let client = try await StoredPhone.open(store, options)
    StandardOutput.write(ScriptRunner.status(await client.status).line(options.output.form))
    await client.close()
  }
}

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Checks a receipt's signature and inclusion proof, without a network.",
    discussion: "Exits with 0 if the receipt is valid, and with 1 if it is not.")

  @Argument(help: "The receipt's file, as bytes or base64.")
  var receipt: String?

  @Option(help: "The folder of a phone's store, to check the receipt in it.")
  var store: String?

  @Option(help: "The server's key, 64 hexadecimal digits, from the server card.")
  var serverKey: ServerKey

  @OptionGroup var options: OutputOptions

  func validate() throws {
    guard (receipt == nil) != (store == nil) else {
      throw ValidationError("Give a receipt's file or --store, one of the two.")
    }
  }

  func run() async throws {
    let file = try await receiptBytes()
    guard let reply = ReceiptFile.verify(file, serverKey: serverKey.bytes) else {
      let error = ExamClientError(
        ExamClientError.Code(rawValue: "receipt-invalid"),
        "The server with this key did not give this receipt, or the file was changed. Check the key on the server card."
      )
      StandardOutput.write(ScriptReply(error).line(options.output.form))
      throw Exit.refused
    }
    StandardOutput.write(reply.line(options.output.form))
  }

  private func receiptBytes() async throws -> [UInt8] {
    if let receipt {
      guard let file = FileManager.default.contents(atPath: receipt) else {
        throw ValidationError("The file \(receipt) cannot be read.")
      }
      return Array(file)
    }
    let folder = store ?? ""
    if let line = ControlSocket.ask("receipt", folder: folder) { return try receiptBytes(inReply: line) }
    let client = try await StoredPhone.open(folder, options)
    let file: [UInt8]
    do {
      file = try await client.exportReceipt().file
    } catch {
      await client.close()
      StandardOutput.write(ScriptReply(error).line(options.output.form))
      throw Exit.refused
    }
    await client.close()
    return file
  }

  private func receiptBytes(inReply line: String) throws -> [UInt8] {
    struct Reply: Decodable {
      var file: String?
    }
    guard let file = try? JSONDecoder().decode(Reply.self, from: Data(line.utf8)).file else {
      StandardOutput.write(line)
      throw Exit.refused
    }
    return Array(file.utf8)
  }
}

struct RequestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "request",
    abstract: "Prints a request of this phone as a command for curl, authenticated and ready to be sent.")

  @Option(help: "The folder of the phone's store.")
  var store: String

  @Option(help: "The path to ask for, such as /v1/sync.")
  var printCurl: String

  func run() async throws {
    struct Reply: Decodable {
      var command: String?
      var message: String?
    }
    if let line = ControlSocket.ask("request \(printCurl)", folder: store),
      let reply = try? JSONDecoder().decode(Reply.self, from: Data(line.utf8))
    {
      guard let command = reply.command else { throw ValidationError(reply.message ?? line) }
      return StandardOutput.write(command)
    }
    let client = try await StoredPhone.open(store, OutputOptions())
    do {
      StandardOutput.write(try await client.curlCommand(path: printCurl))
      await client.close()
    } catch {
      await client.close()
      StandardOutput.write(ScriptReply(error).line(.text))
      throw Exit.code(of: error)
    }
  }
}

/// A store on which no process runs.
enum StoredPhone {
  static func open(_ folder: String, _ options: OutputOptions) async throws -> ExamClient {
    guard FileManager.default.fileExists(atPath: ExamClient.storePath(in: folder)) else {
      let error = ExamClientError(.badArgument, "There is no phone's store in \(folder). Check the folder's name.")
      StandardOutput.write(ScriptReply(error).line(options.output.form))
      throw Exit.usage
    }
    let client = ExamClient(inspecting: folder)
    do {
      try await client.open()
    } catch {
      StandardOutput.write(ScriptReply(error).line(options.output.form))
      throw Exit.code(of: error)
    }
    return client
  }
}
