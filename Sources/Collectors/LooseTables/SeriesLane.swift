import Codec
import Model

/// The source under which a series' samples or a stream's entries are stored: one of 16 for all of them, the same in every process and at every start.
///
/// Forwarders divide rows among requests that are under way at once by their source, so a series that changed it could overtake itself: at the turn of a
/// table, or after a restart while rows from before it still wait. It therefore depends on the labels only. Series of one target
/// (`instance`, with `job`) have one source, so that those that come together stand together, in few tables and rows; others go by all their labels.
enum SeriesLane {
  static let count = 16

  static func of(_ labels: Labels) -> Int {
    let instance = labels["instance"]
    var bytes: [UInt8] = []
    for label in labels.pairs where instance == nil || label.name == "instance" || label.name == "job" {
      bytes += label.name.utf8
      // Not part of any UTF-8, so the bytes are unambiguous.
      bytes.append(0xFF)
      bytes += label.value.utf8
      bytes.append(0xFF)
    }
    return Int(Checksum.xxh3(bytes.span.bytes) % UInt64(count))
  }

  /// Sources of scraped targets are hashes of their names; nobody has these by accident.
  static func source(of lane: Int) -> UInt64 {
    var bytes = Array("clymene loose samples ".utf8)
    bytes.append(UInt8(truncatingIfNeeded: lane))
    return Checksum.xxh3(bytes.span.bytes)
  }
}
