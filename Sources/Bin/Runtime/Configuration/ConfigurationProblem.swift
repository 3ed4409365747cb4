/// One thing that is wrong with a configuration file, and where.
public struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// Wrong in itself: an unknown key, a value of the wrong form, a contradiction.
    case invalid
    /// A key that Prometheus has and this version does not know yet.
    case notSupportedYet
  }

  public var kind: Kind
  /// Counted from 1; 0 where the file as a whole is meant.
  public var line: Int
  public var column: Int
  /// For example `scrape_configs[0].static_configs[1].targets[0]`; empty for the whole file.
  public var path: String
  public var text: String

  public var description: String {
    let place = line > 0 ? "\(line):\(column): " : " "
    return place + (path.isEmpty ? "" : "\(path): ") + text
  }
}

/// A configuration file that cannot be used: everything found wrong in it, in the order of the file.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  public var file: String
  public var problems: [ConfigurationProblem]

  /// One line a problem: `agent.yml:12:5: scrape_configs[0].job_name: …`.
  public var description: String {
    problems.map { "\(file):\($0)" }.joined(separator: "\n")
  }
}
