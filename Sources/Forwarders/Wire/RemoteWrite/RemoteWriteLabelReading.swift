/// Where the names and values of a series' or exemplar's labels stand in the message: for those series that a receiver does not know yet.
public struct RemoteWriteLabelReading: Sendable {
  public typealias Part = RemoteWriteColumns.Part

  public struct Pair: Sendable {
    public var name: Part
    public var value: Part
  }

  /// Why labels cannot be told although the message is one.
  public enum Fault: Error, Sendable, Equatable {
    case tooMany(limit: Int)
    case oddReferences(Int)
    case unknownSymbol(UInt32, symbols: Int)
  }

  private static let nothing = Part(start: 0, end: 0)

  /// 1.0: of the bytes of `part`, whose other fields are passed over. Throws when they are no labels, which makes the message none.
  public static func pairs(
    _ part: Part, in message: [UInt8], limit: Int
  ) throws(WireError) -> Result<[Pair], Fault> {
    let bytes = message.span.bytes
    guard part.start <= part.end, part.range.upperBound <= message.count else {
      throw WireError(.truncated, "labels: they end past the message", at: part.range.lowerBound)
    }
    var reader = ProtobufReader(offset: part.range.lowerBound, end: part.range.upperBound)
    var pairs: [Pair] = []
    var isTooMany = false
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("labels", in: bytes) else { break }
      guard number == RemoteWriteFields.Series.label else { continue }
      let pair = try pair(try value.bytes("label", at: at), bytes)
      // A label without a value is none.
      if pair.value.count == 0, pair.name.count > 0 { continue }
      if pairs.count == limit { isTooMany = true } else { pairs.append(pair) }
    }
    return isTooMany ? .failure(.tooMany(limit: limit)) : .success(pairs)
  }

  static func pair(_ reader: ProtobufReader, _ bytes: RawSpan) throws(WireError) -> Pair {
    var reader = reader
    var pair = Pair(name: nothing, value: nothing)
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("label", in: bytes) else { return pair }
      switch number {
      case RemoteWriteFields.Label.name:
        let text = try value.bytes("label name", at: at)
        pair.name = Part(start: UInt32(text.offset), end: UInt32(text.end))
      case RemoteWriteFields.Label.value:
        let text = try value.bytes("label value", at: at)
        pair.value = Part(start: UInt32(text.offset), end: UInt32(text.end))
      default: continue
      }
    }
  }

  /// 2.0: of the references of `part`.
  public static func pairs(_ part: Part, of columns: RemoteWriteColumns, limit: Int) -> Result<[Pair], Fault> {
    guard part.count % 2 == 0 else { return .failure(.oddReferences(part.count)) }
    var pairs: [Pair] = []
    for at in stride(from: part.range.lowerBound, to: part.range.upperBound, by: 2) {
      let references = (columns.references[at], columns.references[at + 1])
      for reference in [references.0, references.1] where Int(reference) >= columns.symbols.count {
        return .failure(.unknownSymbol(reference, symbols: columns.symbols.count))
      }
      let pair = Pair(name: columns.symbols[Int(references.0)], value: columns.symbols[Int(references.1)])
      if pair.value.count == 0, pair.name.count > 0 { continue }
      if pairs.count == limit { return .failure(.tooMany(limit: limit)) }
      pairs.append(pair)
    }
    return .success(pairs)
  }
}
