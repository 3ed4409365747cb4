/// A text that may be a secret: it stands in the configuration, or in a file that is read again when it has changed. Prints itself as `<secret>`.
public struct Secret: Sendable, Hashable {
  enum Source: Sendable, Hashable {
    case text(String)
    case file(String)
  }

  let source: Source

  public static func text(_ text: String) -> Secret { Secret(source: .text(text)) }

  /// `path` is absolute. What stands in the file counts without blanks and line ends around it.
  public static func file(_ path: String) -> Secret { Secret(source: .file(path)) }

  /// The file's path, which is no secret; nil for a text.
  var path: String? { if case .file(let path) = source { path } else { nil } }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "<secret>" }
  public var debugDescription: String { description }
  /// `dump` and a debugger see no more than `print`.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
