import Codec

/// `<wal>/clean-stop`: written last when a log is closed, removed first when it is opened; names the newest
/// segment, its length, and the offset behind the last row.
struct CleanStop: Equatable {
  let tail: UInt64
  let bytes: Int
  let end: UInt64

  /// Durable when it returns.
  func write(_ path: String) throws(LogError) {
    try Files.replace(path, with: Array("clymene-wal 1 tail \(tail) bytes \(bytes) end \(end)\n".utf8))
  }

  /// Nil when there is none, or nothing that makes sense.
  static func read(_ path: String) -> CleanStop? {
    guard let text = (try? Files.read(path, limitBytes: 200)).flatMap({ $0 }) else { return nil }
    let words = String(decoding: text, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" })
    guard words.count == 8, words[0] == "clymene-wal", words[1] == "1", let tail = UInt64(words[3]),
      let bytes = Int(words[5]), let end = UInt64(words[7]), end < SegmentName.limitOffset
    else { return nil }
    return CleanStop(tail: tail, bytes: bytes, end: end)
  }
}
