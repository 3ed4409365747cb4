import Glibc
import Model

/// Times as people read them.
enum Calendar {
  /// `2026-11-23T09:41:07Z`.
  static func text(_ time: UnixMilliseconds) -> String {
    var seconds = time_t(time.rawValue / 1000)
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return "\(time.rawValue) ms" }
    var buffer = [CChar](repeating: 0, count: 32)
    let count = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
