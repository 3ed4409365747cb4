import Foundation

/// A child process whose output goes to a file.
final class Program {
  private let process = Process()
  let logFile: URL

  init(_ executable: URL, _ arguments: [String], log: URL) throws {
    guard FileManager.default.isExecutableFile(atPath: executable.path) else {
      throw Loopback.Failure(
        description: "\(executable.path) is not there; `make test` builds and unpacks what the tests need")
    }
    logFile = log
    if !FileManager.default.fileExists(atPath: log.path) { try Data().write(to: log) }
    let output = try FileHandle(forWritingTo: log)
    try output.seekToEnd()
    process.executableURL = executable
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  var isRunning: Bool { process.isRunning }

  /// What it has of the machine's memory for itself; nil when it has ended.
  var anonymousBytes: Int? {
    let status = try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
    return line?.split(separator: " ").compactMap { Int($0) }.first.map { $0 << 10 }
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// The exit code, or 128 + the signal that ended it.
  func wait() -> Int32 {
    process.waitUntilExit()
    return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
  }

  var log: String { (try? String(contentsOf: logFile, encoding: .utf8)) ?? "" }
}

/// Where the tests find what they start.
enum Places {
  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Beside the test program, unless CLYMENE_EXECUTABLE names another one.
  static var clymene: URL {
    if let named = ProcessInfo.processInfo.environment["CLYMENE_EXECUTABLE"] { return URL(fileURLWithPath: named) }
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    let beside = URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "clymene")
    if FileManager.default.isExecutableFile(atPath: beside.path) { return beside }
    return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "clymene")
  }

  static func peer(_ name: String) -> URL { repository.appending(path: ".build/peers/debian/usr/bin/\(name)") }

  /// A new folder that the caller removes.
  static func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "clymene-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }
}

/// Waits until something holds; false after `seconds`.
func eventually(seconds: Double = 30, _ holds: () throws -> Bool) async -> Bool {
  let end = ContinuousClock.now + .seconds(seconds)
  while ContinuousClock.now < end {
    if (try? holds()) == true { return true }
    try? await Task.sleep(for: .milliseconds(50))
  }
  return (try? holds()) == true
}
