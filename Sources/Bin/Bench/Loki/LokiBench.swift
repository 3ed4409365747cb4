import Codec
import Glibc
import Model
import Wire

/// `bench-loki [SECONDS]`: megabytes of lines that one CPU second makes into Loki pushes and the original's batches, and reads from them, and the bytes of these, for
/// 20,000 lines like those of a web server's access log in 20 streams.
@main struct LokiBench {
  static let entryCount = 20_000

  static func main() throws {
    let seconds = CommandLine.arguments.dropFirst().first.flatMap(Double.init) ?? 1
    let (delivery, lineBytes) = try delivery()
    var encoder = try LokiPushEncoder()
    let texts = LokiLabelTexts()
    _ = try encoder.encode(delivery, texts)
    let message = encoder.withMessage { $0.withUnsafeBytes { [UInt8]($0) } }
    let batch = try ProducerBatch.encode(delivery.blocks, tenant: .default, createdAt: UnixNanoseconds(0), texts)
    let json = json(try LokiPushDecoder.decode(message))

    print("work MB_of_lines/CPU_second bytes/line_byte")
    func report(_ name: String, _ bytes: Int, _ work: () throws -> Void) rethrows {
      let rate = Double(lineBytes) / 1e6 / (try time(seconds, work))
      print(name, Int(rate.rounded()), (Double(bytes) / Double(lineBytes) * 100).rounded() / 100)
    }
    try report("protobuf_encode", message.count) { _ = try encoder.encode(delivery, texts) }
    let body = try encoder.body(of: delivery, texts)?.bytes ?? []
    try report("protobuf_encode_snappy", body.count) { _ = try encoder.body(of: delivery, texts) }
    try report("protobuf_decode", message.count) { _ = try LokiPushDecoder.decode(message) }
    try report("json_decode", json.count) { _ = try LokiPushJSON.decode(json) }
    try report("batch_encode", batch.count) {
      _ = try ProducerBatch.encode(delivery.blocks, tenant: .default, createdAt: UnixNanoseconds(0), texts)
    }
    try report("batch_decode", batch.count) { _ = try ProducerBatch.decode(batch) }
  }

  static func delivery() throws -> (Delivery, lineBytes: Int) {
    let table = try SeriesTable(
      encoding: (0..<20).map { at in
        Series(
          Labels([
            Label("job", "nginx"), Label("host", "shop-\(at / 4)"), Label("filename", "/var/log/nginx/\(at % 4).log"),
          ]))
      }, signal: .logs)
    var generator = SystemRandomNumberGenerator()
    var lineBytes = 0
    let entries = (0..<entryCount).map { at in
      let line = Array(
        ("10.0.\(at % 256).\(Int.random(in: 0..<256, using: &generator)) - - [26/Apr/2022:10:00:\(at % 60) +0000] "
          + "\"GET /shop/item/\(Int.random(in: 0..<100_000, using: &generator))?ref=\(at) HTTP/1.1\" 200 "
          + "\(Int.random(in: 100..<50_000, using: &generator)) \"https://shop.example.org/\" \"Mozilla/5.0 (X11; Linux x86_64)\"")
          .utf8)
      lineBytes += line.count
      return LogRows.Entry(
        stream: UInt32(at % 20),
        entry: LogEntry(timestamp: UnixNanoseconds(1_795_000_000_000_000_000 + Int64(at) * 1_234_567), line: line))
    }
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(
      RowBatch(logs: [LogRows(source: 1, tables: [table], entries: entries)]), origin: Origin(low: 1, high: 1),
      firstSequence: 1)
    return (Delivery(blocks: blocks, generation: 0), lineBytes)
  }

  /// The same as Loki's JSON; the lines have nothing to escape but quotes.
  static func json(_ push: LokiPush) -> [UInt8] {
    var out = Array(#"{"streams":["#.utf8)
    for (at, stream) in push.streams.enumerated() {
      if at > 0 { out.append(UInt8(ascii: ",")) }
      out += #"{"stream":{"job":"nginx","n":"\#(at)"},"values":["#.utf8
      for (at, entry) in stream.entries.enumerated() {
        if at > 0 { out.append(UInt8(ascii: ",")) }
        out += #"["\#(entry.timestamp.rawValue)",""#.utf8
        for byte in entry.line {
          if byte == UInt8(ascii: "\"") { out.append(UInt8(ascii: "\\")) }
          out.append(byte)
        }
        out += #""]"#.utf8
      }
      out += "]}".utf8
    }
    return out + Array("]}".utf8)
  }

  /// Seconds of CPU of one call, over so many seconds of calls.
  static func time(_ seconds: Double, _ work: () throws -> Void) rethrows -> Double {
    try work()
    var calls = 0.0
    let start = cpu()
    repeat {
      try work()
      calls += 1
    } while cpu() - start < seconds
    return (cpu() - start) / calls
  }

  static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
