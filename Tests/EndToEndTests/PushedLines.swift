import Foundation
import Model
import Wire

/// Lines that are sent to a gateway in each of the ways in which others send logs.
enum PushedLines {
  enum Way: CaseIterable {
    case lokiProtobuf
    case lokiJSON
    /// The original's batch. It knows no structured metadata, and names the tenant itself.
    case original

    var tenant: String {
      switch self {
      case .lokiProtobuf: "shop-1"
      case .lokiJSON: "shop-2"
      case .original: "shop-3"
      }
    }
  }

  /// The entries of a push with this number, as they are to arrive.
  static func lines(_ number: Int, by way: Way) -> [WrittenLine] {
    (0..<20).map { at in
      WrittenLine(
        timestamp: "\(1_800_000_000_000_000_000 + number * 1_000_000 + at)", tenant: way.tenant,
        labels: ["job": "till", "way": "\(way)"], metadata: way == .original ? nil : ["receipt": "\(number)-\(at)"],
        line: "\(way) push \(number) line \(at) “ä” \\ \"quoted\"")
    }
  }

  /// The status that the gateway at this port answers with; throws when there is no answer.
  static func push(_ number: Int, by way: Way, to port: Int) throws -> Int {
    let lines = lines(number, by: way)
    let answer =
      switch way {
      case .lokiProtobuf:
        try Loopback.post(
          port, "/loki/api/v1/push", headers: ["Content-Type: application/x-protobuf", "X-Scope-OrgID: \(way.tenant)"],
          body: Snappy.compress(protobuf(lines).span.bytes))
      case .lokiJSON:
        try Loopback.post(
          port, "/loki/api/v1/push", headers: ["Content-Type: application/json", "X-Scope-OrgID: \(way.tenant)"],
          body: json(lines))
      case .original:
        try Loopback.post(
          port, "/api/logs", headers: ["Content-Type: application/json"], body: batch(lines, tenant: way.tenant))
      }
    return answer.status
  }

  private static func labels(_ line: WrittenLine) -> String {
    "{" + line.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: ", ") + "}"
  }

  /// logproto.PushRequest, written by hand so that encoder and decoder are not of one mind.
  private static func protobuf(_ lines: [WrittenLine]) -> [UInt8] {
    func varint(_ value: UInt64) -> [UInt8] {
      value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
    }
    func field(_ number: UInt8, _ bytes: some Collection<UInt8>) -> [UInt8] {
      [number << 3 | 2] + varint(UInt64(bytes.count)) + bytes
    }
    func number(_ field: UInt8, _ value: UInt64) -> [UInt8] { [field << 3] + varint(value) }
    var stream = field(1, labels(lines[0]).utf8)
    for line in lines {
      let time = UInt64(line.timestamp) ?? 0
      var entry = field(1, number(1, time / 1_000_000_000) + number(2, time % 1_000_000_000))
      entry += field(2, line.line.utf8)
      for (name, value) in line.metadata ?? [:] { entry += field(3, field(1, name.utf8) + field(2, value.utf8)) }
      stream += field(2, entry)
    }
    return field(1, stream)
  }

  private static func json(_ lines: [WrittenLine]) throws -> [UInt8] {
    let values: [[Any]] = lines.map { [$0.timestamp, $0.line, $0.metadata ?? [:]] }
    return try bytes(["streams": [["stream": lines[0].labels, "values": values] as [String: Any]]])
  }

  private static func batch(_ lines: [WrittenLine], tenant: String) throws -> [UInt8] {
    let entries = lines.map { ["ts": "2027-01-15T08:00:\(time(of: $0))Z", "line": $0.line] }
    let stream: [String: Any] = ["labels": labels(lines[0]), "entries": entries]
    let batch: [String: Any] = [
      "streams": [labels(lines[0]): stream], "bytes": 1, "createdAt": "2027-01-15T08:00:00Z",
    ]
    return try bytes(["batch": batch, "tenantID": tenant])
  }

  /// Seconds and nanoseconds of the first minute: 1,800,000,000 is 2027-01-15 08:00:00.
  private static func time(of line: WrittenLine) -> String {
    let inMinute = (Int(line.timestamp) ?? 0) - 1_800_000_000_000_000_000
    let digits = String(inMinute % 1_000_000_000)
    let seconds = inMinute / 1_000_000_000
    return (seconds < 10 ? "0" : "") + "\(seconds)." + String(repeating: "0", count: 9 - digits.count) + digits
  }

  private static func bytes(_ object: [String: Any]) throws -> [UInt8] {
    Array(try JSONSerialization.data(withJSONObject: object))
  }
}
