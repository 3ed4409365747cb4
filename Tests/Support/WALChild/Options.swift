import Model
import WAL

/// `name=value` arguments after the command.
struct Options {
  private var values: [String: String] = [:]
  /// What is not `name=value`: directories.
  private(set) var plain: [String] = []

  init(_ arguments: [String]) {
    for argument in arguments {
      if let equals = argument.firstIndex(of: "="), !argument.hasPrefix("/") {
        values[String(argument[..<equals])] = String(argument[argument.index(after: equals)...])
      } else {
        plain.append(argument)
      }
    }
  }

  func number(_ name: String, _ standard: Int) -> Int { values[name].flatMap { Int($0) } ?? standard }
  func text(_ name: String) -> String? { values[name] }
  func flag(_ name: String) -> Bool { number(name, 0) != 0 }

  /// Small segments, so that a short run rolls often; everything delivered is kept for an hour unless said otherwise.
  func configuration(_ directory: String) -> LogConfiguration {
    LogConfiguration(
      directory: directory, maxSizeBytes: number("max", 16 << 20),
      maxAge: text("age").flatMap { Int($0) }.map { .seconds($0) },
      whenFull: text("full") == "reject" ? .reject : .dropOldest, commitInterval: .milliseconds(number("commit", 20)),
      segmentBytes: number("segment", 128 << 10), keepDelivered: .seconds(number("keep", 3600)), clock: clock)
  }

  /// `clock=<file>`: the three clocks are read from there each time, so that a test can make them jump: milliseconds since
  /// boot, the boot's name, milliseconds since 1970.
  private var clock: LogClock {
    guard let path = text("clock") else { return .system }
    return LogClock(
      sinceBoot: { words(path).first.flatMap { Int64($0) } ?? 0 },
      bootName: { words(path).dropFirst().first ?? "" },
      wall: { UnixMilliseconds(words(path).dropFirst(2).first.flatMap { Int64($0) } ?? 0) })
  }
}
