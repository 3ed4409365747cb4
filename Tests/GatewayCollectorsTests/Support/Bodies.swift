import Codec
import Foundation
import Model
import Wire

/// Bodies of pushes, made by hand.
enum Bodies {
  static func message(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    var out = ProtobufWriter()
    out.bytes(number, content)
    return out.bytes
  }

  /// A `prometheus.WriteRequest` with one sample for each series.
  static func remoteWrite(_ series: [[(String, String)]], timestamp: UInt64 = 1_700_000_000_000) -> [UInt8] {
    series.flatMap { labels in
      var inner = labels.flatMap { message(1, message(1, Array($0.0.utf8)) + message(2, Array($0.1.utf8))) }
      var sample: [UInt8] = [1 << 3 | 1]
      withUnsafeBytes(of: (1.5).bitPattern.littleEndian) { sample += $0 }
      var time = ProtobufWriter()
      time.varint(2, timestamp)
      inner += message(2, sample + time.bytes)
      return message(1, inner)
    }
  }

  static let up = remoteWrite([[("__name__", "up"), ("job", "a")]])

  static func snappy(_ body: [UInt8]) -> [UInt8] { Snappy.compress(body.span.bytes) }

  /// An `io.prometheus.write.v2.Request` with one series of one sample.
  static let remoteWrite2: [UInt8] = {
    let symbols = ["", "__name__", "up"].flatMap { message(4, Array($0.utf8)) }
    var sample: [UInt8] = [1 << 3 | 1]
    withUnsafeBytes(of: (2.5).bitPattern.littleEndian) { sample += $0 }
    var time = ProtobufWriter()
    time.varint(2, 1_700_000_000_000)
    let series = message(1, [1, 2]) + message(2, sample + time.bytes)
    return symbols + message(5, series)
  }()

  static let lokiJSON = Array(
    #"{"streams":[{"stream":{"job":"a"},"values":[["1700000000000000000","hello"]]}]}"#.utf8)

  static let lokiProtobuf: [UInt8] = {
    var time = ProtobufWriter()
    time.varint(1, 1_700_000_000)
    let entry = message(1, time.bytes) + message(2, Array("hello".utf8))
    return message(1, message(1, Array(#"{job="a"}"#.utf8)) + message(2, entry))
  }()

  static let producerBatch = Array(
    #"{"batch":{"streams":{"{job=\"a\"}":{"labels":"{job=\"a\"}","entries":[{"ts":"2022-04-26T10:00:00.123456789Z","line":"hello"}]}},"bytes":5},"tenantID":"team-a"}"#
      .utf8)

  static let protobuf = ["Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"]
}
