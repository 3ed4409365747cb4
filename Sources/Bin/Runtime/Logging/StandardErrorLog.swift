import Glibc
import HTTP
import Logging
import Model

/// Writes each log line to standard error in one call, so that lines of several threads do not mix.
public struct StandardErrorLog: LogHandler {
  public var metadata: Logger.Metadata = [:]
  public var logLevel: Logger.Level
  private let label: String
  private let format: LogFormat
  private let secrets: SecretTexts

  /// What is in `secrets` appears in no line, wherever it came from.
  public init(label: String, level: Logger.Level, format: LogFormat, hiding secrets: SecretTexts = SecretTexts()) {
    self.label = label
    self.logLevel = level
    self.format = format
    self.secrets = secrets
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let line = line(
      at: WallClock.now(), level: event.level, message: "\(event.message)", metadata: event.metadata ?? [:])
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if written < 0, errno == EINTR { continue }
      // Nobody reads standard error, or it is full: a log line is not worth stopping for.
      guard written > 0 else { return }
      bytes = bytes.dropFirst(written)
    }
  }

  /// The line with its end, without secrets.
  func line(at time: UnixMilliseconds, level: Logger.Level, message: String, metadata more: Logger.Metadata) -> String {
    let pairs = metadata.merging(more) { $1 }.map { ($0.key, secrets.hide("\($0.value)")) }.sorted { $0.0 < $1.0 }
    let render = format == .json ? LogFormat.jsonLine : LogFormat.textLine
    return render(time, level, label, secrets.hide(message), pairs) + "\n"
  }
}
