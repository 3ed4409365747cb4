import Codec
import Glibc

/// Why the log could not do what it was asked. What is expected to happen (a full log, a repeat) is a value and no error.
public struct LogError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// Another process has the log open for writing.
    case locked
    /// The log is closed or closing.
    case closed
    /// The file system or LMDB refused; the code is an errno value (positive) or one of LMDB's (negative).
    case storage(code: Int32)
    /// Bytes on disk are not what was written.
    case damaged
    /// A later version of the program wrote it. It is not touched.
    case newerFormat
    /// The rows can never be stored: a row that is too large, or one that contradicts its tables.
    case refused
    /// The call itself makes no sense: a name that is too long, a second holder of a cursor.
    case misuse
    /// The caller's task was cancelled while it waited.
    case cancelled
  }

  public let kind: Kind
  /// What was tried, where, and the numbers seen and allowed.
  public let what: String

  public init(_ kind: Kind, _ what: String) {
    self.kind = kind
    self.what = what
  }

  /// Whether the same call may succeed later.
  public var retryHelps: Bool {
    switch kind {
    case .locked, .storage: true
    case .closed, .damaged, .newerFormat, .refused, .misuse, .cancelled: false
    }
  }

  public var description: String { what }

  /// The system said so; `code` is errno unless given.
  static func system(_ operation: String, _ path: String, code: Int32 = errno) -> LogError {
    LogError(.storage(code: code), "\(operation) \(path): \(String(cString: strerror(code))) (errno \(code))")
  }

  static func format(_ error: FormatError, _ where: String) -> LogError {
    LogError(error.kind == .tooLarge ? .refused : .damaged, "\(`where`): \(error)")
  }

  /// The same error with the file named in front.
  func at(_ path: String) -> LogError { LogError(kind, "\(path): \(what)") }

  var isCancelled: Bool { kind == .cancelled }

  /// No room: on the disk, in the quota, or (a file that outgrew its map) in the segment.
  public var isFull: Bool {
    guard case .storage(let code) = kind else { return false }
    return code == ENOSPC || code == EDQUOT
  }
}
