import ArgumentParser

/// Tools for those who have to prove that no answer is lost.
@main
struct ExamLabCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exam-lab",
    abstract: "Proves that no answer is lost: rooms of phones, bad networks, killed processes.",
    discussion: """
      Examples:
        exam-lab demo --output-folder out/demo
        exam-lab demo --candidates 12 --seed 7 --sample SampleData/medical-en
        exam-lab convert frenchmedmcqa dev.json out/french
        exam-lab proxy --upstream 127.0.0.1:8080 --link phone-01=9001,3g-dead --seed 1
        exam-lab simulate --seeds 1..1000
        exam-lab powercut --cycles 100000
        exam-lab kill --only save,sync --runs 100
        exam-lab partition --runs 100
        exam-lab soak --output-folder out/soak
        exam-lab bench --only server,wire
        exam-lab replay out/simulate/seed-17.plan.jsonl --story
      """,
    subcommands: [
      DemoCommand.self, ProxySubcommand.self, SimulateCommand.self, ReplayCommand.self, PowerCutCommand.self,
      PlantedCommand.self, KillCommand.self, PartitionCommand.self, SoakCommand.self, BenchCommand.self,
      ConvertCommand.self,
    ])
}
