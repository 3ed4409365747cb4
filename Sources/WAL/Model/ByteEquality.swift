/// Strings compared byte by byte.
///
/// Swift's own `==` takes "é" and "e" with a combining accent for the same. To Prometheus and Loki these are two label values, and
/// whoever sends both wants both back.
public struct ByteString: Hashable, Sendable {
  public let string: String

  public init(_ string: String) { self.string = string }

  public static func == (a: Self, b: Self) -> Bool { a.string.hasSameBytes(as: b.string) }

  public func hash(into hasher: inout Hasher) { string.hashBytes(into: &hasher) }
}

extension String {
  public func hasSameBytes(as other: String) -> Bool {
    utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }

  public func hashBytes(into hasher: inout Hasher) {
    hasher.combine(utf8.count)
    let done: Void? = utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    if done == nil { for byte in utf8 { hasher.combine(byte) } }
  }

  /// The order of the UTF-8 bytes, which is Prometheus' order of label names.
  public func precedesByBytes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
