/// Milliseconds since 1970-01-01T00:00:00Z: the time of a sample.
public struct UnixMilliseconds: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: Int64
  public init(rawValue: Int64) { self.rawValue = rawValue }
  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Nanoseconds since 1970-01-01T00:00:00Z: the time of a log entry.
public struct UnixNanoseconds: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: Int64
  public init(rawValue: Int64) { self.rawValue = rawValue }
  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// What a block holds; never both. Raw values are those of the block format.
public enum Signal: UInt8, Sendable, CaseIterable {
  case metrics = 1
  case logs = 2
}

/// Whose data it is. The empty name is the default tenant.
public struct Tenant: Hashable, Sendable, CustomStringConvertible {
  public static let limitBytes = 150
  public static let `default` = Tenant(unchecked: "")

  public let name: String

  /// Nil when the name is longer than 150 bytes of UTF-8.
  public init?(_ name: String) {
    guard name.utf8.count <= Tenant.limitBytes else { return nil }
    self.name = name
  }

  private init(unchecked name: String) { self.name = name }

  public static func == (a: Self, b: Self) -> Bool { a.name.hasSameBytes(as: b.name) }

  public func hash(into hasher: inout Hasher) { name.hashBytes(into: &hasher) }

  public var description: String { name.isEmpty ? "(default)" : name }
}

/// 16 random bytes, made anew for each tenant and signal at every opening of a log for writing. With a row's sequence it says
/// who the row is, so copies of a disk and restored backups never reuse a number.
public struct Origin: Hashable, Sendable, CustomStringConvertible {
  /// The first eight bytes, little-endian.
  public let low: UInt64
  /// The last eight bytes, little-endian.
  public let high: UInt64

  public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  public static func random(using generator: inout some RandomNumberGenerator) -> Origin {
    Origin(low: generator.next(), high: generator.next())
  }

  public static func random() -> Origin {
    var generator = SystemRandomNumberGenerator()
    return random(using: &generator)
  }

  /// 32 hexadecimal digits, in the order of the bytes.
  public var description: String { Hexadecimal.digits(low, high) }
}

/// Two little-endian words as 32 digits in the order of their bytes: how origins and table names are shown.
public enum Hexadecimal {
  public static func digits(_ low: UInt64, _ high: UInt64) -> String {
    [low, high].map { word in
      let digits = String(word.byteSwapped, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

/// Where a collector stands in its source, in the collector's own encoding. Stored in the transaction of the rows that it covers.
public struct CollectorPosition: Hashable, Sendable {
  /// For example `file:/var/log/syslog`; the key under which it is stored. 1 to 400 bytes of UTF-8.
  public var collector: String
  public var position: [UInt8]

  public init(collector: String, position: [UInt8]) {
    self.collector = collector
    self.position = position
  }
}
