/// Why bytes are not what a protocol says that they are. Reading the same bytes again never helps.
public struct WireError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// The bytes end before the thing does.
    case truncated
    /// A value has no meaning, or stands where another kind of value belongs.
    case malformed
    /// A number is past its limit.
    case tooLarge
    /// The compression cannot be undone.
    case compression
  }

  public let kind: Kind
  /// What was being read, with the numbers seen and allowed: `time series: 2,000,001, at most 2,000,000`.
  public let what: String
  /// Bytes from the start of the message, or of the compressed body.
  public let offset: Int

  public init(_ kind: Kind, _ what: String, at offset: Int = 0) {
    self.kind = kind
    self.what = what
    self.offset = offset
  }

  public var description: String { "\(what) (byte \(offset), \(kind))" }
}
