import Codec
import Model

/// Reads logproto's PushRequest, the body of a push as protobuf. Fields that are not known are passed over, as protobuf wants it; of a field that should
/// occur once the last one counts. Lines keep their bytes, whatever they are.
///
///     PushRequest    streams = 1
///     StreamAdapter  labels = 1 text; entries = 2; hash = 3
///     EntryAdapter   timestamp = 1 { seconds = 1, nanos = 2 }; line = 2; structuredMetadata = 3 { name = 1, value = 2 }; parsed = 4
///
/// Source: grafana/loki, pkg/push/push.proto (facts only).
public struct LokiPushDecoder {
  private var budget: LokiPushBudget

  /// The message in the body of a request. Throws when the body is not snappy, or does not hold a message within the limits.
  public static func decode(
    compressed body: [UInt8], _ limits: LokiPushLimits = .init()
  ) throws(WireError) -> LokiPush {
    try decode(try Snappy.decompress(body.span.bytes, limitBytes: limits.messageBytes), limits)
  }

  /// An uncompressed message.
  public static func decode(_ message: [UInt8], _ limits: LokiPushLimits = .init()) throws(WireError) -> LokiPush {
    var decoder = LokiPushDecoder(budget: try LokiPushBudget(limits, messageBytes: message.count))
    return try decoder.request(message.span.bytes)
  }

  private mutating func request(_ bytes: RawSpan) throws(WireError) -> LokiPush {
    var reader = ProtobufReader(offset: 0, end: bytes.byteCount)
    var push = LokiPush()
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("push", in: bytes) else { return push }
      guard number == LokiFields.Request.stream else { continue }
      try budget.countStream(at: at)
      push.streams.append(try stream(try value.bytes("stream", at: at), bytes))
    }
  }

  private mutating func stream(_ reader: ProtobufReader, _ bytes: RawSpan) throws(WireError) -> LokiPush.Stream {
    var reader = reader
    var stream = LokiPush.Stream()
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("stream", in: bytes) else { return stream }
      switch number {
      case LokiFields.Stream.labels:
        stream.identity = .text(Self.copy(try value.bytes("labels", at: at), bytes))
      case LokiFields.Stream.entry:
        try budget.countEntry(at: at)
        if let entry = try entry(try value.bytes("entry", at: at), bytes) {
          stream.entries.append(entry)
        } else {
          stream.entriesOutOfReach += 1
        }
      default: continue
      }
    }
  }

  /// Nil when its time is out of reach.
  private mutating func entry(_ reader: ProtobufReader, _ bytes: RawSpan) throws(WireError) -> LogEntry? {
    var reader = reader
    var entry = LogEntry(timestamp: UnixNanoseconds(0), line: [])
    var isInReach = true
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("entry", in: bytes) else { return isInReach ? entry : nil }
      switch number {
      case LokiFields.Entry.timestamp:
        switch try timestamp(try value.bytes("timestamp", at: at), bytes) {
        case .time(let time): (entry.timestamp, isInReach) = (UnixNanoseconds(time), true)
        case .outOfReach: isInReach = false
        }
      case LokiFields.Entry.line: entry.line = Self.copy(try value.bytes("line", at: at), bytes)
      case LokiFields.Entry.metadata:
        try budget.countLabel(at: at)
        entry.structuredMetadata.append(try label(try value.bytes("structured metadata", at: at), bytes))
      default: continue
      }
    }
  }

  private func timestamp(
    _ reader: ProtobufReader, _ bytes: RawSpan
  ) throws(WireError) -> RFC3339Nano.Moment {
    var reader = reader
    var seconds: Int64 = 0
    var nanoseconds: Int64 = 0
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("timestamp", in: bytes) else { break }
      switch number {
      case LokiFields.Timestamp.seconds:
        seconds = Int64(bitPattern: try value.integer("timestamp: seconds", at: at))
      case LokiFields.Timestamp.nanoseconds:
        nanoseconds = Int64(bitPattern: try value.integer("timestamp: nanos", at: at))
      default: continue
      }
    }
    guard (0..<1_000_000_000).contains(nanoseconds) else {
      throw WireError(.malformed, "timestamp: \(nanoseconds) nanos, 0 to 999999999", at: reader.offset)
    }
    return RFC3339Nano.moment(seconds: seconds, nanoseconds: nanoseconds)
  }

  private func label(_ reader: ProtobufReader, _ bytes: RawSpan) throws(WireError) -> Label {
    var reader = reader
    var label = Label("", "")
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("structured metadata", in: bytes) else { return label }
      switch number {
      case LokiFields.Pair.name: label.name = Self.text(try value.bytes("metadata name", at: at), bytes)
      case LokiFields.Pair.value: label.value = Self.text(try value.bytes("metadata value", at: at), bytes)
      default: continue
      }
    }
  }

  private static func copy(_ part: ProtobufReader, _ bytes: RawSpan) -> [UInt8] {
    bytes.extracting(part.offset..<part.end).withUnsafeBytes { [UInt8]($0) }
  }

  /// Labels are texts: what is not UTF-8 becomes U+FFFD.
  private static func text(_ part: ProtobufReader, _ bytes: RawSpan) -> String {
    bytes.extracting(part.offset..<part.end).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}

/// The numbers of the messages' fields.
enum LokiFields {
  enum Request { static let stream = 1 }
  enum Stream {
    static let labels = 1
    static let entry = 2
  }
  enum Entry {
    static let timestamp = 1
    static let line = 2
    static let metadata = 3
  }
  enum Timestamp {
    static let seconds = 1
    static let nanoseconds = 2
  }
  enum Pair {
    static let name = 1
    static let value = 2
  }
  /// logproto.Batch, the original's request.
  enum Batch { static let batch = 1 }
}
