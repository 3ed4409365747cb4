import Codec
import Model

/// A label set as 128 bits: two hashes of it, so that two sets are never taken for one in practice and no strings have to be kept.
struct SeriesIdentity: Hashable, Sendable {
  private let low: UInt64
  private let high: UInt64

  init(_ labels: Labels) {
    var bytes: [UInt8] = []
    for label in labels.pairs {
      bytes.append(contentsOf: label.name.utf8)
      // Not part of any UTF-8, so the bytes are unambiguous.
      bytes.append(0xFF)
      bytes.append(contentsOf: label.value.utf8)
      bytes.append(0xFF)
    }
    low = Checksum.xxh3(bytes.span.bytes)
    bytes.append(0xFE)
    high = Checksum.xxh3(bytes.span.bytes)
  }
}
