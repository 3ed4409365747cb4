import Model

/// The content of a table. All strings are front-coded: varint bytes shared with the string before, varint length of the rest, the
/// rest; the three streams stand apart.
///
///     varint names, front-coded: the label names in order of first sight
///     varint shapes; for each varint labels and so many varint names: the sets of label names that occur
///     a zigzag varint a series: its shape less the shape of the series before
///     for each name in order:
///       varint values, front-coded: the label's values in order of first sight
///       a zigzag varint for each series that has the name: its value less that of the series before that has it
///     one byte whether metadata follows; if so
///       varint units, front-coded; varint helps, front-coded
///       varint families; for each one byte type, varint unit, varint help
///       a zigzag varint a series: its family less that of the series before
///
/// Prefixed by one byte signal, so that a table of series and one of streams never share a name, and varint series. Neighbours in an exposition are alike, so the differences are nearly all 0 and 1.
enum TableCodec {
  static func encode(
    _ series: [Series], _ signal: Signal, text: TextBudget = TextBudget()
  ) throws(FormatError) -> ByteWriter {
    var text = text
    guard (1...FormatLimits.tableSeries).contains(series.count) else {
      throw FormatError(.tooLarge, "table: \(series.count) series, 1 to \(FormatLimits.tableSeries)")
    }
    var out = ByteWriter()
    out.byte(signal.rawValue)
    out.varint(series.count)
    var names = Interner<ByteString>()
    var shapes = Interner<[Int]>()
    var values: [Interner<ByteString>] = []
    var references: [ByteWriter] = []
    var previous: [Int] = []
    var shapeReferences = ByteWriter()
    var lastShape = 0
    var labels = 0
    for one in series {
      let pairs = one.labels.pairs
      labels += pairs.count
      guard pairs.count <= FormatLimits.seriesLabels, labels <= FormatLimits.tableLabels else {
        throw FormatError(
          .tooLarge,
          "table: a series of \(pairs.count) labels, \(labels) in all; at most "
            + "\(FormatLimits.seriesLabels) and \(FormatLimits.tableLabels)")
      }
      var shape: [Int] = []
      shape.reserveCapacity(pairs.count)
      for pair in pairs {
        let name = names.index(of: ByteString(pair.name))
        if name == values.count {
          values.append(Interner())
          references.append(ByteWriter())
          previous.append(0)
        }
        shape.append(name)
        let value = values[name].index(of: ByteString(pair.value))
        references[name].zigzag(Int64(value - previous[name]))
        previous[name] = value
      }
      let index = shapes.index(of: shape)
      shapeReferences.zigzag(Int64(index - lastShape))
      lastShape = index
    }
    try FrontCoding.write(names.items, &text, into: &out)
    out.varint(shapes.items.count)
    for shape in shapes.items {
      out.varint(shape.count)
      for name in shape { out.varint(name) }
    }
    out.raw(shapeReferences.bytes)
    for (items, column) in zip(values, references) {
      try FrontCoding.write(items.items, &text, into: &out)
      out.raw(column.bytes)
    }
    try writeMetadata(series, &text, into: &out)
    guard out.count <= FormatLimits.tablePayloadBytes else {
      throw FormatError(
        .tooLarge, "table: \(out.count) bytes of \(series.count) series, at most \(FormatLimits.tablePayloadBytes)")
    }
    return out
  }

  private static func writeMetadata(
    _ series: [Series], _ text: inout TextBudget, into out: inout ByteWriter
  ) throws(FormatError) {
    guard series.contains(where: { $0.metadata != .none }) else {
      out.byte(0)
      return
    }
    out.byte(1)
    var families = Interner<MetricMetadata>()
    var units = Interner<ByteString>()
    var helps = Interner<ByteString>()
    var references = ByteWriter()
    var last = 0
    for one in series {
      let index = families.index(of: one.metadata)
      references.zigzag(Int64(index - last))
      last = index
    }
    let rows = families.items.map {
      ($0.type.rawValue, units.index(of: ByteString($0.unit)), helps.index(of: ByteString($0.help)))
    }
    try FrontCoding.write(units.items, &text, into: &out)
    try FrontCoding.write(helps.items, &text, into: &out)
    out.varint(rows.count)
    for (type, unit, help) in rows {
      out.byte(type)
      out.varint(unit)
      out.varint(help)
    }
    out.raw(references.bytes)
  }

  static func readSignal(_ reader: inout ByteReader, in payload: RawSpan) throws(FormatError) -> Signal {
    let byte = try reader.byte("table: signal", in: payload)
    guard let signal = Signal(rawValue: byte) else { throw FormatError(.inconsistent, "table: signal \(byte)") }
    return signal
  }

  static func decode(
    _ payload: RawSpan, signal: Signal, seriesCount: Int, text: TextBudget = TextBudget()
  ) throws(FormatError) -> [Series] {
    var text = text
    var reader = ByteReader(end: payload.byteCount)
    guard try readSignal(&reader, in: payload) == signal else {
      throw FormatError(.inconsistent, "table: the header says \(signal)")
    }
    let count = try reader.count("table: series", limit: FormatLimits.tableSeries, in: payload)
    guard count == seriesCount, count >= 1 else {
      throw FormatError(.inconsistent, "table: \(count) series, the header says \(seriesCount)")
    }
    let names = try FrontCoding.read(&reader, "table: names", &text, limit: FormatLimits.tableLabels, in: payload)
    let shapes = try readShapes(&reader, names.count, series: count, in: payload)
    let shapeOf = try readReferences(&reader, count, shapes.count, "table: shape", in: payload)
    var labels = 0
    var users = [Int](repeating: 0, count: names.count)
    for shape in shapeOf {
      labels += shapes[shape].count
      guard labels <= FormatLimits.tableLabels else {
        throw FormatError(.tooLarge, "table: more than \(FormatLimits.tableLabels) labels", at: reader.offset)
      }
      for name in shapes[shape] { users[name] += 1 }
    }
    var columns: [(values: [String], references: [Int])] = []
    for name in names.indices {
      // A value that no series has would be another way to write the same table.
      let values = try FrontCoding.read(&reader, "table: values", &text, limit: users[name], in: payload)
      columns.append((values, try readReferences(&reader, users[name], values.count, "table: value", in: payload)))
    }
    let metadata = try readMetadata(&reader, count, &text, in: payload)
    try reader.finish("table")
    var cursors = [Int](repeating: 0, count: names.count)
    var series: [Series] = []
    series.reserveCapacity(count)
    for index in 0..<count {
      var pairs: [Label] = []
      pairs.reserveCapacity(shapes[shapeOf[index]].count)
      for name in shapes[shapeOf[index]] {
        let column = columns[name]
        pairs.append(Label(names[name], column.values[column.references[cursors[name]]]))
        cursors[name] += 1
      }
      let labels = Labels(pairs)
      // Names are written in their order; any other order would be a second way to write the same series.
      guard labels.pairs == pairs else {
        throw FormatError(.inconsistent, "table: the labels of series \(index) are not in order", at: 0)
      }
      series.append(Series(labels, metadata.isEmpty ? .none : metadata[index]))
    }
    return series
  }

  private static func readShapes(
    _ reader: inout ByteReader, _ names: Int, series: Int, in payload: RawSpan
  ) throws(FormatError) -> [[Int]] {
    let count = try reader.count("table: shapes", limit: min(series, reader.remaining), in: payload)
    var shapes: [[Int]] = []
    shapes.reserveCapacity(count)
    var total = 0
    for _ in 0..<count {
      let length = try reader.count(
        "table: labels", limit: min(FormatLimits.seriesLabels, reader.remaining), in: payload)
      total += length
      guard total <= FormatLimits.tableLabels else {
        throw FormatError(.tooLarge, "table: more than \(FormatLimits.tableLabels) labels", at: reader.offset)
      }
      var shape: [Int] = []
      shape.reserveCapacity(length)
      for _ in 0..<length {
        let at = reader.offset
        let name = try reader.count("table: name", limit: FormatLimits.tablePayloadBytes, in: payload)
        guard name < names else { throw FormatError(.inconsistent, "table: name \(name) of \(names)", at: at) }
        shape.append(name)
      }
      shapes.append(shape)
    }
    return shapes
  }

  /// Differences that lead from 0 through references below `limit`.
  private static func readReferences(
    _ reader: inout ByteReader, _ count: Int, _ limit: Int, _ what: String, in payload: RawSpan
  ) throws(FormatError) -> [Int] {
    guard count <= reader.remaining else {
      throw FormatError(.truncated, "\(what): \(count) in \(reader.remaining) bytes", at: reader.offset)
    }
    var references: [Int] = []
    references.reserveCapacity(count)
    var last = 0
    for _ in 0..<count {
      let at = reader.offset
      let delta = try reader.zigzag(what, in: payload)
      let (sum, overflow) = Int64(last).addingReportingOverflow(delta)
      guard !overflow, sum >= 0, sum < limit else {
        throw FormatError(.inconsistent, "\(what): \(sum) of \(limit)", at: at)
      }
      last = Int(sum)
      references.append(last)
    }
    return references
  }

  private static func readMetadata(
    _ reader: inout ByteReader, _ count: Int, _ text: inout TextBudget, in payload: RawSpan
  ) throws(FormatError) -> [MetricMetadata] {
    let at = reader.offset
    switch try reader.byte("table: metadata", in: payload) {
    case 0: return []
    case 1: break
    case let flag: throw FormatError(.inconsistent, "table: metadata flag \(flag)", at: at)
    }
    let units = try FrontCoding.read(&reader, "table: units", &text, limit: count, in: payload)
    let helps = try FrontCoding.read(&reader, "table: helps", &text, limit: count, in: payload)
    let familyCount = try reader.count("table: families", limit: min(count, reader.remaining / 3), in: payload)
    var families: [MetricMetadata] = []
    for _ in 0..<familyCount {
      let at = reader.offset
      let type = try reader.byte("table: family", in: payload)
      let unit = try reader.count("table: unit", limit: FormatLimits.tablePayloadBytes, in: payload)
      let help = try reader.count("table: help", limit: FormatLimits.tablePayloadBytes, in: payload)
      guard let type = MetricType(rawValue: type), unit < units.count, help < helps.count else {
        throw FormatError(.inconsistent, "table: family of type \(type), unit \(unit), help \(help)", at: at)
      }
      families.append(MetricMetadata(type: type, unit: units[unit], help: helps[help]))
    }
    return try readReferences(&reader, count, familyCount, "table: family", in: payload).map { families[$0] }
  }
}

/// Numbers things in the order of first sight.
struct Interner<Item: Hashable> {
  private(set) var items: [Item] = []
  private var indices: [Item: Int] = [:]

  init() {}

  mutating func index(of item: Item) -> Int {
    if let index = indices[item] { return index }
    indices[item] = items.count
    items.append(item)
    return items.count - 1
  }
}

/// What all strings of a table may take together once they are whole: front coding lets a small payload name long ones often.
struct TextBudget {
  let limit: Int
  private var spent = 0

  init(limit: Int = FormatLimits.tableTextBytes) { self.limit = limit }

  mutating func spend(_ bytes: Int, _ what: String, at offset: Int) throws(FormatError) {
    spent += bytes
    guard spent <= limit else {
      throw FormatError(.tooLarge, "\(what): strings of more than \(limit) bytes", at: offset)
    }
  }
}

/// Strings that share their beginning with the one before.
enum FrontCoding {
  static func write(
    _ strings: [ByteString], _ text: inout TextBudget, into out: inout ByteWriter
  ) throws(FormatError) {
    out.varint(strings.count)
    var lengths = ByteWriter()
    var tails = ByteWriter()
    var previous: [UInt8] = []
    for string in strings {
      let bytes = Array(string.string.utf8)
      try text.spend(bytes.count, "table: strings", at: out.count)
      var shared = 0
      while shared < min(bytes.count, previous.count), bytes[shared] == previous[shared] { shared += 1 }
      out.varint(shared)
      lengths.varint(bytes.count - shared)
      tails.bytes.append(contentsOf: bytes[shared...])
      previous = bytes
    }
    out.raw(lengths.bytes)
    out.raw(tails.bytes)
  }

  static func read(
    _ reader: inout ByteReader, _ what: String, _ text: inout TextBudget, limit: Int, in payload: RawSpan
  ) throws(FormatError) -> [String] {
    // Every string takes at least a byte in each of the first two streams.
    let count = try reader.count(what, limit: min(limit, reader.remaining / 2), in: payload)
    var shared: [Int] = []
    var lengths: [Int] = []
    shared.reserveCapacity(count)
    lengths.reserveCapacity(count)
    for _ in 0..<count { shared.append(try reader.count(what, limit: payload.byteCount, in: payload)) }
    for _ in 0..<count { lengths.append(try reader.count(what, limit: payload.byteCount, in: payload)) }
    var strings: [String] = []
    strings.reserveCapacity(count)
    var current: [UInt8] = []
    for index in 0..<count {
      let at = reader.offset
      guard shared[index] <= current.count else {
        throw FormatError(.inconsistent, "\(what): shares \(shared[index]) bytes of \(current.count)", at: at)
      }
      let tail = try reader.take(lengths[index], what, in: payload)
      try text.spend(shared[index] + lengths[index], what, at: at)
      current.removeSubrange(shared[index]...)
      payload.extracting(tail).withUnsafeBytes { current.append(contentsOf: $0) }
      guard let string = String(validating: current, as: UTF8.self) else {
        throw FormatError(.inconsistent, "\(what): not valid UTF-8", at: at)
      }
      strings.append(string)
    }
    return strings
  }
}
