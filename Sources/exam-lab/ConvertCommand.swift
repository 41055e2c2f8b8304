import ArgumentParser
import PaperImport

/// Turns question files of others into this project's paper format.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert", abstract: "Turns question files of others into this project's paper format.",
    subcommands: [FrenchMedMCQA.self])

  struct FrenchMedMCQA: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "frenchmedmcqa",
      abstract: "Converts a file of FrenchMedMCQA (medical questions, single and multiple choice).",
      discussion: "Example:\n  exam-lab convert frenchmedmcqa corpus/dev.json out/french")

    @Argument(help: "The corpus file, such as dev.json.", completion: .file())
    var input: String

    @Argument(help: "The folder to write paper.json and key.json to; must not exist.", completion: .directory)
    var output: String

    func run() throws {
      let converted = try FrenchMedMCQAConverter.convert(input: input, output: output)
      print("\(converted.itemCount) items written to \(output)")
    }
  }
}
