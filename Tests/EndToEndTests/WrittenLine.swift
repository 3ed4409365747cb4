import Foundation

/// A log entry as the `file` forwarder writes it.
struct WrittenLine: Decodable, Hashable {
  var timestamp: String
  var tenant: String?
  var labels: [String: String]
  var metadata: [String: String]?
  var line: String

  /// Everything that a folder's files hold, finished or not; throws on a line that is not whole.
  static func read(_ folder: URL) throws -> [WrittenLine] {
    let decoder = JSONDecoder()
    return try WrittenSample.files(folder).flatMap { file in
      try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).map {
        try decoder.decode(WrittenLine.self, from: $0)
      }
    }
  }
}
