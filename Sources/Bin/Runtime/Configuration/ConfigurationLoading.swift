import Foundation
import HTTP
import Yams

extension Configuration {
  /// Reads and checks a file. Throws a `ConfigurationError` with everything that is wrong in it, or that it cannot be read.
  public static func load(
    file: String, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(ConfigurationError) -> Configuration {
    let bytes: Data
    do {
      bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    } catch {
      throw ConfigurationError(file: file, text: "cannot be read: \(reason(file, error))")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(file: file, text: "is not UTF-8")
    }
    let folder = URL(fileURLWithPath: file).deletingLastPathComponent().path
    return try parse(text, file: file, folder: folder, environment: environment)
  }

  /// Foundation names its own error numbers; the system's words say more.
  private static func reason(_ file: String, _ error: any Error) -> String {
    var isFolder = ObjCBool(false)
    if FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), isFolder.boolValue {
      return "it is a folder"
    }
    return access(file, R_OK) == 0 ? "\(error)" : String(cString: strerror(errno))
  }

  /// Checks a file's text. Relative paths in it start from `folder`; `environment` is what external labels may refer to.
  public static func parse(
    _ text: String, file: String, folder: String, environment: [String: String] = [:]
  ) throws(ConfigurationError) -> Configuration {
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw ConfigurationError(file: file, problems: [ConfigurationProblem(error)])
    } catch {
      throw ConfigurationError(file: file, text: "\(error)")
    }
    let problems = ProblemList()
    let (sanitizedText, secrets) = root.map(ConfigurationSanitizer.sanitize) ?? ("", SecretTexts())
    let document = ConfigurationNode(node: root ?? Node("", .implicit, .plain), path: "")
    let reader = ConfigurationReader(problems: problems, folder: folder, environment: environment)
    guard var configuration = reader.document(document), problems.problems.isEmpty else {
      throw ConfigurationError(
        file: file,
        problems: problems.problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }.map {
          // A complaint quotes what it is about.
          var problem = $0
          problem.text = secrets.hide(problem.text)
          return problem
        })
    }
    configuration.sanitizedText = sanitizedText
    configuration.secrets = secrets
    return configuration
  }
}

extension ConfigurationError {
  init(file: String, text: String) {
    self.init(
      file: file, problems: [ConfigurationProblem(kind: .invalid, line: 0, column: 0, path: "", text: text)])
  }
}

extension ConfigurationProblem {
  /// The parser's complaint without the copy of the file that it brings along.
  init(_ error: YamlError) {
    let (mark, text): (Mark?, String) =
      switch error {
      case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
        .composer(let context, let problem, let mark, _):
        (mark, (context.map { "\($0.text): " } ?? "") + problem)
      case .duplicatedKeysInMapping(let duplicates, let context):
        (context.mark, "the key \(duplicates.joined(separator: ", ")) stands there twice")
      case .reader(let problem, _, _, _): (nil, problem)
      default: (nil, "\(error)")
      }
    self.init(
      kind: .invalid, line: mark?.line ?? 0, column: mark?.column ?? 0, path: "", text: "this is not YAML: \(text)")
  }
}
