import Codec
import Model
import Wire

/// Remote write messages as Prometheus writes them, of made-up series: 100 targets' worth of metrics with ten labels each.
enum PushMessages {
  static func labels(_ series: Int) -> [Label] {
    let target = series / 1000
    let metric = series % 1000
    return [
      Label("__name__", "node_metric_\(metric / 10)_seconds_total"), Label("cluster", "north-1"),
      Label("container", "exporter"), Label("device", "disk\(metric % 10)"), Label("instance", "10.3.\(target).7:9100"),
      Label("job", "node"), Label("mode", metric % 2 == 0 ? "read" : "write"), Label("namespace", "monitoring"),
      Label("pod", "node-exporter-\(target)-x7k2p"), Label("region", "eu-central"),
    ]
  }

  static func message(_ version: RemoteWriteVersion, _ series: [Int]) -> [UInt8] {
    var symbols: [String: Int] = ["": 0]
    var list = [""]
    func reference(_ text: String) -> Int {
      if let known = symbols[text] { return known }
      symbols[text] = list.count
      list.append(text)
      return list.count - 1
    }
    var rest = ByteWriter()
    for one in series {
      var inner = ByteWriter()
      switch version {
      case .v1:
        for label in labels(one) {
          var part = ByteWriter()
          message(1, Array(label.name.utf8), into: &part)
          message(2, Array(label.value.utf8), into: &part)
          message(1, part.bytes, into: &inner)
        }
      case .v2:
        var references = ByteWriter()
        for label in labels(one) {
          references.varint(reference(label.name))
          references.varint(reference(label.value))
        }
        message(1, references.bytes, into: &inner)
      }
      var sample = ByteWriter()
      sample.varint(1 << 3 | 1)
      sample.fixed(value(one).bitPattern)
      sample.varint(2 << 3)
      sample.varint(1_795_000_000_000 + one / 1000)
      message(2, sample.bytes, into: &inner)
      message(version == .v1 ? 1 : 5, inner.bytes, into: &rest)
    }
    var out = ByteWriter()
    if version == .v2 { for symbol in list { message(4, Array(symbol.utf8), into: &out) } }
    out.raw(rest.bytes)
    return out.bytes
  }

  /// A third whole, a third decimal, a third of full precision.
  private static func value(_ series: Int) -> Double {
    let mixed = UInt64(series) &* 0x9e37_79b9_7f4a_7c15 >> 40
    switch series % 3 {
    case 0: return Double(mixed)
    case 1: return Double(mixed) / 1000
    default: return Double(mixed) / 16_777_259
    }
  }

  private static func message(_ field: Int, _ bytes: [UInt8], into out: inout ByteWriter) {
    out.varint(field << 3 | 2)
    out.prefixed(bytes)
  }
}
