import ArgumentParser
import Foundation
import Runtime
import WAL

struct WALCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wal",
    abstract: "Looks into a log, also while an agent writes it.",
    discussion: """
      DIRECTORY is the log's (wal.directory of the configuration); without it, that of --config.file, or ./data/wal.

      Exit codes: 0 fine, 1 an error, 2 damage was found, 64 wrong arguments.
      """,
    subcommands: [
      WALStatsCommand.self, WALListCommand.self, WALShowCommand.self, WALVerifyCommand.self, WALExportCommand.self,
      WALConsumersCommand.self, WALDeadLettersCommand.self,
    ])
}

/// Which log, and how its answers are printed, as arguments.
struct LogOptions: ParsableArguments {
  @Argument(help: "The log's directory.")
  var directory: String?

  @Option(name: .customLong("config.file"), help: "Take the directory from this configuration.")
  var configFile: String?

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if directory != nil, configFile != nil {
      throw ValidationError("name either a directory or --config.file")
    }
  }

  var place: LogPlace { LogPlace(directory: directory, configFile: configFile, json: json) }

  func run(_ body: (LogInspector) async throws -> Void) async throws { try await place.run(body) }

  func printJSON(_ value: some Encodable) throws -> Bool { try place.printJSON(value) }
}

/// Which log, and how its answers are printed.
struct LogPlace {
  var directory: String?
  var configFile: String?
  var json: Bool

  func inspector() throws -> LogInspector {
    if let configFile {
      return try LogInspector(directory: loadConfiguration(configFile).log.directory)
    }
    return try LogInspector(directory: directory ?? "./data/wal")
  }

  /// Runs `body`; an error is said in one line, and the exit code tells damage (2) from the rest (1).
  func run(_ body: (LogInspector) async throws -> Void) async throws {
    do {
      try await body(inspector())
    } catch let error as LogError {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      throw ExitCode(error.kind == .damaged ? 2 : 1)
    }
  }

  /// Prints `value` as JSON when that is wanted; false when it is not.
  func printJSON(_ value: some Encodable) throws -> Bool {
    guard json else { return false }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
    return true
  }
}

/// Ends with exit code 2 after saying what is damaged.
func report(_ problems: [VerifyProblem]) throws {
  guard !problems.isEmpty else { return }
  for problem in problems {
    let place = problem.offset.map { "\(problem.file), block at offset \($0)" } ?? problem.file
    FileHandle.standardError.write(Data("damaged: \(place): \(problem.what)\n".utf8))
  }
  throw ExitCode(2)
}
