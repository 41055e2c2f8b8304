import Foundation

/// What every measure gets.
struct BenchContext {
  let options: BenchOptions
  let sizes: BenchSizes

  var runs: Int { options.runs }
  var processors: Int { ProcessInfo.processInfo.activeProcessorCount }

  init(_ options: BenchOptions) {
    self.options = options
    sizes = options.isQuick ? .quick : .full
  }

  /// An empty folder for databases; on the disk of the output folder, because a memory disk syncs nothing.
  func makeFolder(_ name: String) throws -> String {
    let path = "\(options.outputFolder)/work/\(name)"
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  func progress(_ text: String) {
    guard options.showsProgress else { return }
    FileHandle.standardError.write(Data("bench: \(text)\n".utf8))
  }
}
