import Codec
import Model

extension ProducerBatch {
  /// What a batch holds.
  public struct Decoded: Sendable, Equatable {
    /// As `tenantID` says; empty when it says nothing.
    public var tenant = ""
    public var push = LokiPush()

    public init() {}
  }

  /// Reads the original's JSON, as Go's reader does: keys in any case, unknown ones passed over, null says nothing. Of a stream the inner `labels` count, not
  /// the key under which it stands.
  public static func decode(_ message: [UInt8], _ limits: LokiPushLimits = .init()) throws(WireError) -> Decoded {
    var decoder = ProducerBatchDecoder(budget: try LokiPushBudget(limits, messageBytes: message.count))
    return try decoder.document(message.span.bytes)
  }

  /// The JSON inside logproto.Batch, the message of the original's gRPC call.
  public static func unwrap(_ message: [UInt8]) throws(WireError) -> [UInt8] {
    var reader = ProtobufReader(offset: 0, end: message.count)
    var batch: [UInt8] = []
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("batch", in: message.span.bytes) else { return batch }
      guard number == LokiFields.Batch.batch else { continue }
      let part = try value.bytes("batch", at: at)
      batch = Array(message[part.offset..<part.end])
    }
  }

  /// A batch's JSON as logproto.Batch.
  public static func wrap(_ batch: [UInt8]) -> [UInt8] {
    var writer = ProtobufWriter(reserving: batch.count + 12)
    writer.bytes(LokiFields.Batch.batch, batch)
    return writer.bytes
  }
}

private struct ProducerBatchDecoder {
  var reader = JSONReader()
  var budget: LokiPushBudget

  init(budget: LokiPushBudget) { self.budget = budget }

  mutating func document(_ bytes: RawSpan) throws(WireError) -> ProducerBatch.Decoded {
    var decoded = ProducerBatch.Decoded()
    try reader.begin(.object, "batch", in: bytes)
    var isFirst = true
    while let key = try reader.member(&isFirst, "batch", in: bytes) {
      if try reader.takeNull("batch", in: bytes) { continue }
      switch key.lowercased() {
      case "tenantid": decoded.tenant = try reader.text("tenantID", in: bytes)
      case "batch": try batch(into: &decoded.push, bytes)
      default: try reader.skipValue("batch", in: bytes)
      }
    }
    try reader.end("batch", in: bytes)
    return decoded
  }

  private mutating func batch(into push: inout LokiPush, _ bytes: RawSpan) throws(WireError) {
    try reader.begin(.object, "batch", in: bytes)
    var isFirst = true
    while let key = try reader.member(&isFirst, "batch", in: bytes) {
      if try reader.takeNull("batch", in: bytes) { continue }
      guard key.lowercased() == "streams" else {
        try reader.skipValue("batch", in: bytes)
        continue
      }
      try reader.begin(.object, "streams", in: bytes)
      var isFirst = true
      while try reader.member(&isFirst, "streams", in: bytes) != nil {
        try budget.countStream(at: reader.offset)
        if try reader.takeNull("stream", in: bytes) { continue }
        push.streams.append(try stream(bytes))
      }
    }
  }

  private mutating func stream(_ bytes: RawSpan) throws(WireError) -> LokiPush.Stream {
    var stream = LokiPush.Stream()
    try reader.begin(.object, "stream", in: bytes)
    var isFirst = true
    while let key = try reader.member(&isFirst, "stream", in: bytes) {
      if try reader.takeNull("stream", in: bytes) { continue }
      switch key.lowercased() {
      case "labels": stream.identity = .text(try reader.string("labels", in: bytes))
      case "entries":
        try reader.begin(.array, "entries", in: bytes)
        var isFirst = true
        while try reader.element(&isFirst, "entries", in: bytes) {
          try budget.countEntry(at: reader.offset)
          // Go makes an entry of nothing from null; its time is the year 1.
          stream.add(
            try reader.takeNull("entry", in: bytes)
              ? nil : try reader.entry(&budget, anyCase: true, in: bytes))
        }
      default: try reader.skipValue("stream", in: bytes)
      }
    }
    return stream
  }
}
