import ArgumentParser
import Foundation
import Runtime

struct CheckConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-config",
    abstract: "Checks a configuration file and says what is wrong in it, and where.",
    discussion: "Exit code 0 when the file can be used, 1 when not.")

  @Argument(help: "The configuration file.")
  var file: String?

  @Option(name: .customLong("config.file"), help: "The configuration file, as the roles name it.")
  var configFile: String?

  func validate() throws {
    if (file == nil) == (configFile == nil) {
      throw ValidationError("name one configuration file, as an argument or with --config.file")
    }
  }

  func run() throws {
    let configuration = try loadConfiguration(file ?? configFile ?? "")
    for remark in configuration.remarks {
      FileHandle.standardError.write(Data("\(file ?? configFile ?? ""): warning: \(remark)\n".utf8))
    }
    let targets = configuration.scrapeJobs.reduce(0) { $0 + $1.targets.count }
    print(
      "\(file ?? configFile ?? ""): fine: \(configuration.scrapeJobs.count) scrape jobs with \(targets) targets, "
        + (configuration.gateway.map { "a gateway with \($0.senders.count) senders, " } ?? "")
        + "\(configuration.forwarders.count) forwarders, log in \(configuration.log.directory)")
  }
}

/// Loads the file, or ends the program with every problem on standard error.
func loadConfiguration(_ file: String) throws -> Configuration {
  do {
    return try Configuration.load(file: file)
  } catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    throw ExitCode(1)
  }
}
