import Codec

/// `<wal>/clean-stop`: written last when a log is closed, removed first when it is opened; names the newest segment and its length.
struct CleanStop: Equatable {
  let tail: UInt64
  let bytes: Int

  /// Durable when it returns.
  func write(_ path: String) throws(LogError) {
    try Files.replace(path, with: Array("clymene-wal 1 tail \(tail) bytes \(bytes)\n".utf8))
  }

  /// Nil when there is none, or nothing that makes sense.
  static func read(_ path: String) -> CleanStop? {
    guard let text = (try? Files.read(path, limitBytes: 200)).flatMap({ $0 }) else { return nil }
    let words = String(decoding: text, as: UTF8.self).split(whereSeparator: { $0 == " " || $0 == "\n" })
    guard words.count == 6, words[0] == "clymene-wal", words[1] == "1", let tail = UInt64(words[3]),
      let bytes = Int(words[5])
    else { return nil }
    return CleanStop(tail: tail, bytes: bytes)
  }
}
