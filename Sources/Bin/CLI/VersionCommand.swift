import ArgumentParser
import Runtime

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Prints version and build time as JSON.")

  func run() {
    print(BuildInfo.current.json)
  }
}
