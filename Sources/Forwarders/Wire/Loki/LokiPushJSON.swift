import Codec
import Model

/// Reads a push as JSON, in Loki's form and in the older one, told apart by their keys. Keys that are not known are passed over.
///
///     {"streams": [{"stream": {"name": "value"}, "values": [["<nanoseconds>", "line", {"name": "value"}]]}]}
///     {"streams": [{"labels": "{name=\"value\"}", "entries": [{"ts": "<RFC 3339>", "line": "…", "structuredMetadata": {…}}]}]}
///
/// Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs
public struct LokiPushJSON {
  private var reader = JSONReader()
  private var budget: LokiPushBudget

  public static func decode(_ message: [UInt8], _ limits: LokiPushLimits = .init()) throws(WireError) -> LokiPush {
    var decoder = LokiPushJSON(budget: try LokiPushBudget(limits, messageBytes: message.count))
    return try decoder.push(message.span.bytes)
  }

  private mutating func push(_ bytes: RawSpan) throws(WireError) -> LokiPush {
    var push = LokiPush()
    try reader.begin(.object, "push", in: bytes)
    var isFirst = true
    while let key = try reader.member(&isFirst, "push", in: bytes) {
      guard key == "streams" else {
        try reader.skipValue("push", in: bytes)
        continue
      }
      if try reader.takeNull("streams", in: bytes) { continue }
      try reader.begin(.array, "streams", in: bytes)
      var isFirst = true
      while try reader.element(&isFirst, "streams", in: bytes) {
        try budget.countStream(at: reader.offset)
        push.streams.append(try stream(bytes))
      }
    }
    try reader.end("push", in: bytes)
    return push
  }

  private mutating func stream(_ bytes: RawSpan) throws(WireError) -> LokiPush.Stream {
    var stream = LokiPush.Stream()
    try reader.begin(.object, "stream", in: bytes)
    var isFirst = true
    while let key = try reader.member(&isFirst, "stream", in: bytes) {
      switch key {
      case "stream": stream.identity = .pairs(try reader.labels("stream", &budget, in: bytes))
      case "labels": stream.identity = .text(try reader.string("labels", in: bytes))
      case "values":
        try reader.begin(.array, "values", in: bytes)
        var isFirst = true
        while try reader.element(&isFirst, "values", in: bytes) {
          try budget.countEntry(at: reader.offset)
          stream.entries.append(try value(bytes))
        }
      case "entries":
        try reader.begin(.array, "entries", in: bytes)
        var isFirst = true
        while try reader.element(&isFirst, "entries", in: bytes) {
          try budget.countEntry(at: reader.offset)
          stream.add(try reader.entry(&budget, anyCase: false, in: bytes))
        }
      default: try reader.skipValue("stream", in: bytes)
      }
    }
    return stream
  }

  /// `["<nanoseconds>", "line", {"name": "value"}]`.
  private mutating func value(_ bytes: RawSpan) throws(WireError) -> LogEntry {
    var entry = LogEntry(timestamp: UnixNanoseconds(0), line: [])
    try reader.begin(.array, "value", in: bytes)
    var isFirst = true
    var at = 0
    while try reader.element(&isFirst, "value", in: bytes) {
      switch at {
      case 0:
        let start = reader.offset
        let text = try reader.text("timestamp", in: bytes)
        guard let time = Int64(text) else {
          throw WireError(
            .malformed,
            "timestamp: “\(String(decoding: text.utf8.prefix(40), as: UTF8.self))” is not a number of nanoseconds in 64 bits",
            at: start)
        }
        entry.timestamp = UnixNanoseconds(time)
      case 1: entry.line = try reader.string("line", in: bytes)
      case 2: entry.structuredMetadata = try reader.labels("structured metadata", &budget, in: bytes)
      default: throw WireError(.malformed, "value: more than three parts", at: reader.offset)
      }
      at += 1
    }
    guard at >= 2 else { throw WireError(.malformed, "value: \(at) parts, 2 or 3", at: reader.offset) }
    return entry
  }
}

extension LokiPush.Stream {
  /// Nil stands for an entry whose time is out of reach.
  mutating func add(_ entry: LogEntry?) {
    if let entry {
      entries.append(entry)
    } else {
      entriesOutOfReach += 1
    }
  }
}

extension JSONReader {
  /// An object of texts as labels, in order; null is none.
  mutating func labels(
    _ what: StaticString, _ budget: inout LokiPushBudget, in bytes: RawSpan
  ) throws(WireError) -> [Label] {
    if try takeNull(what, in: bytes) { return [] }
    var labels: [Label] = []
    try begin(.object, what, in: bytes)
    var isFirst = true
    while let name = try member(&isFirst, what, in: bytes) {
      try budget.countLabel(at: offset)
      labels.append(Label(name, try text(what, in: bytes)))
    }
    return labels
  }

  /// `{"ts": "<RFC 3339>", "line": "…", "structuredMetadata": {…}}`, nil when its time is missing or out of reach. `anyCase`: as Go's reader, keys in any
  /// case, and null says nothing.
  mutating func entry(
    _ budget: inout LokiPushBudget, anyCase: Bool, in bytes: RawSpan
  ) throws(WireError) -> LogEntry? {
    var entry = LogEntry(timestamp: UnixNanoseconds(0), line: [])
    var isInReach = false
    try begin(.object, "entry", in: bytes)
    var isFirst = true
    while let key = try member(&isFirst, "entry", in: bytes) {
      if anyCase, try takeNull("entry", in: bytes) { continue }
      switch anyCase ? key.lowercased() : key {
      case "ts":
        let start = offset
        guard let moment = RFC3339Nano.parse(try string("ts", in: bytes)) else {
          throw WireError(.malformed, "ts: not a time of RFC 3339", at: start)
        }
        if case .time(let time) = moment {
          (entry.timestamp, isInReach) = (UnixNanoseconds(time), true)
        } else {
          isInReach = false
        }
      case "line": entry.line = try string("line", in: bytes)
      case "structuredMetadata" where !anyCase, "structuredmetadata" where anyCase:
        entry.structuredMetadata = try labels("structured metadata", &budget, in: bytes)
      default: try skipValue("entry", in: bytes)
      }
    }
    return isInReach ? entry : nil
  }
}
