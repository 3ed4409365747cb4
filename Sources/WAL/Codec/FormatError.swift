/// Why bytes are not a block, a table or an envelope. Reading the same bytes again never helps.
public struct FormatError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// The bytes end before the thing does.
    case truncated
    /// The magic or the version is another one: not our format, or a newer one.
    case unknownFormat
    /// A checksum or a name does not fit the bytes.
    case checksum
    /// A number is past its limit.
    case tooLarge
    /// Parts disagree with each other, or a value has no meaning.
    case inconsistent
    /// A section that must be understood is not known to this version.
    case unknownRequiredSection
    /// A block names a table that is not at hand.
    case missingTable
  }

  public let kind: Kind
  /// What was being read, for example `block header: tenant length 300, at most 150`.
  public let what: String
  /// Bytes from the start of what was being read: the header, or the uncompressed payload.
  public let offset: Int

  public init(_ kind: Kind, _ what: String, at offset: Int = 0) {
    self.kind = kind
    self.what = what
    self.offset = offset
  }

  public var description: String { "\(what) (byte \(offset), \(kind))" }
}
