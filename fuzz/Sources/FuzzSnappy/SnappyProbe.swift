import Wire

/// Bodies compressed with snappy: what decompresses stays within its limit, and comes back after it has been compressed again.
public enum SnappyProbe {
  static let limitBytes = 1 << 20

  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    guard let plain = try? Snappy.decompress(bytes.span.bytes, limitBytes: limitBytes) else { return false }
    precondition(plain.count <= limitBytes, "more than the limit")
    let again = Snappy.compress(plain.span.bytes)
    guard let back = try? Snappy.decompress(again.span.bytes, limitBytes: plain.count) else {
      preconditionFailure("compressed, but does not decompress")
    }
    precondition(back == plain, "other bytes came back")
    return true
  }
}
