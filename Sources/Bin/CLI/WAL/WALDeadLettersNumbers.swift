import ArgumentParser
import WAL

/// `NUMBER… [DIRECTORY]`: a list and what follows it cannot be told apart by position, so what is no number is the directory.
struct LetterArguments: ParsableArguments {
  @Argument(help: ArgumentHelp("Numbers as in the list, then the log's directory.", valueName: "number ... directory"))
  var words: [String] = []

  @Option(name: .customLong("config.file"), help: "Take the directory from this configuration.")
  var configFile: String?

  @Flag(help: "Print JSON.")
  var json = false

  private var directories: [String] { words.filter { UInt64($0) == nil } }

  var numbers: [UInt64] { words.compactMap { UInt64($0) } }

  var place: LogPlace { LogPlace(directory: directories.first, configFile: configFile, json: json) }

  func validate() throws {
    if directories.count > 1 {
      throw ValidationError("“\(directories[0])” and “\(directories[1])” are no numbers, and one log is named at most")
    }
    if !directories.isEmpty, configFile != nil {
      throw ValidationError("name either a directory or --config.file")
    }
  }

  /// The letters of these numbers, in their order; an error when one is not there, before anything is changed.
  func letters(in items: [DeadLetters.Item]) throws(LogError) -> [DeadLetters.Item] {
    let wanted = Set(numbers)
    let found = items.filter { wanted.contains($0.number) }
    let missing = wanted.subtracting(found.map(\.number)).sorted()
    guard missing.isEmpty else {
      let list = missing.map(String.init).joined(separator: ", ")
      throw LogError(.misuse, "no dead letter has the number \(list); nothing was changed")
    }
    return found
  }

  /// Does something with each letter, and goes on behind one that the agent has sent or removed meanwhile. Gives back the numbers of both.
  static func each(
    _ items: [DeadLetters.Item], _ body: (DeadLetters.Item) throws(LogError) -> Void
  ) throws(LogError) -> (done: [UInt64], gone: [UInt64]) {
    var (done, gone): ([UInt64], [UInt64]) = ([], [])
    for item in items {
      do throws(LogError) {
        try body(item)
        done.append(item.number)
      } catch {
        guard error.kind == .misuse else { throw error }
        gone.append(item.number)
      }
    }
    return (done, gone)
  }

  /// Ends with exit code 1 when some were gone.
  static func report(gone: [UInt64]) throws(LogError) {
    guard !gone.isEmpty else { return }
    throw LogError(
      .misuse,
      "\(gone.map(String.init).joined(separator: ", ")): marked, delivered or removed meanwhile; list them again")
  }
}
