import Codec
import Model

/// The original's log batch as JSON: what it sends to gateways, in logproto.Batch and over HTTP, and to Kafka.
///
///     {"batch": {"streams": {"{a=\"b\"}": {"labels": "{a=\"b\"}", "entries": [{"ts": "<RFC 3339>", "line": "…"}]}},
///       "bytes": 5, "createdAt": "<RFC 3339>"}, "tenantID": "team-a"}
///
/// As Go's writer has it: streams in the order of their keys, `<`, `>` and `&` escaped, U+FFFD for each byte that is not UTF-8. An entry's structured metadata, for which
/// the original has no place, stands in a key more, `structuredMetadata`, which it passes over; entries without have none.
public enum ProducerBatch {
  /// The batch of blocks of log entries. Throws when a block or table cannot be read, or a block has metrics.
  public static func encode(
    _ blocks: [TabledBlock], tenant: Tenant, createdAt: UnixNanoseconds, _ texts: LokiLabelTexts = .init()
  ) throws -> [UInt8] {
    let opener = try BlockOpener()
    let content = try LogStreams(blocks, shard: nil, opener, texts)
    var writer = Writer(reserving: content.groups.reduce(256) { $0 + $1.lines.count + $1.count * 64 })
    writer.raw(#"{"batch":{"streams":{"#)
    var lineBytes = 0
    let streams = content.streams.sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
    for (at, stream) in streams.enumerated() {
      if at > 0 { writer.raw(",") }
      writer.string(stream.labels[...])
      writer.raw(#":{"labels":"#)
      writer.string(stream.labels[...])
      writer.raw(#","entries":["#)
      for (at, reference) in stream.entries.enumerated() {
        if at > 0 { writer.raw(",") }
        let group = content.groups[reference.group]
        let line = group.line(reference.entry)
        lineBytes += line.count
        writer.entry(
          group.timestamps[reference.entry], line,
          group.structuredMetadata.isEmpty ? [] : group.structuredMetadata[reference.entry])
      }
      writer.raw("]}")
    }
    writer.raw(#"},"bytes":"#)
    writer.bytes.append(contentsOf: "\(lineBytes)".utf8)
    writer.raw(#","createdAt":"#)
    writer.time(createdAt.rawValue)
    writer.raw(#"},"tenantID":"#)
    writer.string(Array(tenant.name.utf8)[...])
    writer.raw("}")
    return writer.bytes
  }

  private struct Writer {
    var bytes: [UInt8] = []

    init(reserving count: Int) { bytes.reserveCapacity(count) }

    mutating func raw(_ text: StaticString) {
      bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func time(_ nanoseconds: Int64) {
      raw("\"")
      RFC3339Nano.append(nanoseconds, to: &bytes)
      raw("\"")
    }

    mutating func entry(_ timestamp: Int64, _ line: ArraySlice<UInt8>, _ metadata: [Label]) {
      raw(#"{"ts":"#)
      time(timestamp)
      raw(#","line":"#)
      string(line)
      if !metadata.isEmpty {
        raw(#","structuredMetadata":{"#)
        for (at, label) in metadata.enumerated() {
          if at > 0 { raw(",") }
          string(Array(label.name.utf8)[...])
          raw(":")
          string(Array(label.value.utf8)[...])
        }
        raw("}")
      }
      raw("}")
    }

    mutating func string(_ text: ArraySlice<UInt8>) {
      raw("\"")
      // Where the bytes begin that stand as they are and are not written yet.
      var start = text.startIndex
      var at = start
      text.withUnsafeBufferPointer { buffer in
        Self.isSpecial.withUnsafeBufferPointer { isSpecial in
          for (index, byte) in buffer.enumerated() where isSpecial[Int(byte)] {
            at = text.startIndex + index
            // From here on character by character: rare, and only these can be broken.
            if byte >= 0x80 { return }
            bytes.append(contentsOf: buffer[(start - text.startIndex)..<index])
            escape(byte)
            start = at + 1
          }
          at = text.endIndex
        }
      }
      bytes.append(contentsOf: text[start..<at])
      if at < text.endIndex { characters(text[at...]) }
      raw("\"")
    }

    private mutating func characters(_ text: ArraySlice<UInt8>) {
      UTF8Repair.forEach(text) { part in
        switch part {
        case .invalid: raw(#"\ufffd"#)
        case .character(let range):
          if range.count == 1, Self.isSpecial[Int(text[range.lowerBound])] {
            escape(text[range.lowerBound])
          } else if range.count == 3, text[range].elementsEqual([0xE2, 0x80, 0xA8]) {
            raw(#"\u2028"#)
          } else if range.count == 3, text[range].elementsEqual([0xE2, 0x80, 0xA9]) {
            raw(#"\u2029"#)
          } else {
            bytes.append(contentsOf: text[range])
          }
        }
      }
    }

    private static let isSpecial: [Bool] = (0..<256).map { byte in
      byte < 0x20 || byte >= 0x80 || "\"\\<>&".utf8.contains(UInt8(byte))
    }

    private mutating func escape(_ byte: UInt8) {
      switch byte {
      case UInt8(ascii: "\""): raw(#"\""#)
      case UInt8(ascii: "\\"): raw(#"\\"#)
      case 0x0A: raw(#"\n"#)
      case 0x0D: raw(#"\r"#)
      case 0x09: raw(#"\t"#)
      default:
        raw(#"\u00"#)
        bytes.append(Hexadecimals.digits[Int(byte >> 4)])
        bytes.append(Hexadecimals.digits[Int(byte & 15)])
      }
    }
  }
}
