/// How many things a message may hold by the bytes that have been read of it, so that it never takes many times its size in memory: whoever bounds the bytes of
/// messages has then bounded their memory.
enum WireDensity {
  /// What is free, for messages that hardly hold anything.
  static let free = 1024

  static func limit(at offset: Int, bytesEach: Int) -> Int { free + offset / bytesEach }
}
