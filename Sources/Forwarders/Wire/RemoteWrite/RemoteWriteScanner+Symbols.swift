import Model

/// Remote write 2.0: strings stand once in the message, series refer to them by number.
extension RemoteWriteScanner {
  mutating func symbolicRequest(_ bytes: RawSpan) throws(WireError) {
    typealias Fields = RemoteWriteFields.SymbolicRequest
    var reader = ProtobufReader(offset: 0, end: bytes.byteCount)
    columns.series.reserveCapacity(min(bytes.byteCount / 64, limits.series))
    columns.samples.reserveCapacity(min(bytes.byteCount / 64, limits.series))
    columns.references.reserveCapacity(min(bytes.byteCount / 4, limits.items))
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("message", in: bytes) else { break }
      switch number {
      case Fields.symbol:
        try count(at: at)
        let symbol = try value.bytes("symbol", at: at)
        columns.symbols.append(.init(start: UInt32(symbol.offset), end: UInt32(symbol.end)))
      case Fields.series:
        try beginSeries(at)
        try symbolicSeries(try value.bytes("time series", at: at), bytes)
      // Reserved, so that a 1.0 message under 2.0's name does not pass for an empty one.
      case 1...3:
        throw WireError(.malformed, "message: field \(number), which is remote write 1.0's and not 2.0's", at: at)
      default: continue
      }
    }
    if let first = columns.symbols.first, first.count > 0 {
      throw WireError(
        .malformed, "symbols: the first one has \(first.count) bytes, it has to be empty", at: Int(first.start))
    }
  }

  private mutating func symbolicSeries(_ reader: ProtobufReader, _ bytes: RawSpan) throws(WireError) {
    typealias Fields = RemoteWriteFields.SymbolicSeries
    var reader = reader
    let index = columns.series.count
    let firstReference = columns.references.count
    // References of exemplars stand behind those of their series, whatever the order in which they come.
    var exemplars: [(at: Int, reader: ProtobufReader)] = []
    while !reader.isAtEnd {
      let at = reader.offset
      if let sample = reader.shortSample(in: bytes) {
        try count(at: at)
        columns.samples.append(sample)
        continue
      }
      guard let (number, value) = try reader.field("time series", in: bytes) else { break }
      switch number {
      case Fields.references: try references(value, at, bytes)
      case Fields.sample: try sample(try value.bytes("sample", at: at), index, bytes)
      case Fields.histogram: try histogram(try value.bytes("histogram", at: at), index, bytes)
      case Fields.exemplar: exemplars.append((at, try value.bytes("exemplar", at: at)))
      case Fields.metadata: try description(try value.bytes("metadata", at: at), index, bytes)
      case Fields.created: began(index, try value.integer("created timestamp", at: at))
      default: continue
      }
    }
    columns.series.append(
      .init(
        labels: .init(start: UInt32(firstReference), end: UInt32(columns.references.count)),
        samplesEnd: UInt32(columns.samples.count), labelsAreScattered: false))
    for exemplar in exemplars { try symbolicExemplar(exemplar.reader, index, bytes) }
  }

  /// Packed, as everybody writes them, or one by one, which protobuf allows as well.
  private mutating func references(_ value: ProtobufReader.Value, _ at: Int, _ bytes: RawSpan) throws(WireError) {
    guard case .bytes(var packed) = value else {
      try count(at: at)
      columns.references.append(UInt32(clamping: try value.integer("label reference", at: at)))
      return
    }
    try count(packed.count, at: at)
    while !packed.isAtEnd {
      if let reference = packed.shortVarint(in: bytes) {
        columns.references.append(reference)
        continue
      }
      columns.references.append(UInt32(clamping: try packed.varint("label reference", in: bytes)))
    }
  }

  private mutating func description(_ reader: ProtobufReader, _ series: Int, _ bytes: RawSpan) throws(WireError) {
    typealias Fields = RemoteWriteFields.Description
    var reader = reader
    var type: UInt64 = 0
    var help: UInt64 = 0
    var unit: UInt64 = 0
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("metadata", in: bytes) else { break }
      switch number {
      case Fields.type: type = try value.integer("metadata type", at: at)
      case Fields.help: help = try value.integer("help reference", at: at)
      case Fields.unit: unit = try value.integer("unit reference", at: at)
      default: continue
      }
    }
    if columns.descriptions.last?.series == series { columns.descriptions.removeLast() }
    // The protobuf's numbers are the model's. One that is not known is no reason to refuse samples.
    columns.descriptions.append(
      .init(
        series: series, type: UInt8(exactly: type).flatMap(MetricType.init) ?? .unknown, help: UInt32(clamping: help),
        unit: UInt32(clamping: unit)))
  }

  private mutating func symbolicExemplar(_ reader: ProtobufReader, _ series: Int, _ bytes: RawSpan) throws(WireError) {
    typealias Fields = RemoteWriteFields.Exemplar
    var reader = reader
    try count(Self.largeItem, at: reader.offset)
    try countThing(at: reader.offset)
    let first = columns.references.count
    var valueBits: UInt64 = 0
    var time: UInt64 = 0
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("exemplar", in: bytes) else { break }
      switch number {
      case Fields.label: try references(value, at, bytes)
      case Fields.value: valueBits = try value.double("exemplar value", at: at)
      case Fields.timestamp: time = try value.integer("exemplar timestamp", at: at)
      default: continue
      }
    }
    append(
      exemplar: .init(start: UInt32(first), end: UInt32(columns.references.count)), series, valueBits, time)
  }
}
