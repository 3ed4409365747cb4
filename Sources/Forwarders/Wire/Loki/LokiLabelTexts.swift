import Codec

/// The label texts of the tables that were sent last, within a bound of bytes, so that a delivery over known tables decodes none.
public final class LokiLabelTexts: Sendable {
  private let memory: TableMemory<Texts>

  /// The texts of one table's streams.
  final class Texts: Sendable {
    private let bytes: [UInt8]
    /// Where each stream's text begins, and where the last one ends.
    private let starts: [Int]

    init(_ table: SeriesTable) throws(FormatError) {
      var bytes: [UInt8] = []
      var starts = [0]
      for stream in try table.decode() {
        bytes += LokiLabels.text(of: stream.labels)
        starts.append(bytes.count)
      }
      self.bytes = bytes
      self.starts = starts
    }

    var approximateBytes: Int { bytes.count + starts.count * 8 + 128 }

    func text(_ stream: Int) -> ArraySlice<UInt8> { bytes[starts[stream]..<starts[stream + 1]] }
  }

  public init(limitBytes: Int = 16 << 20) {
    memory = TableMemory(limitBytes: limitBytes) { $0.approximateBytes }
  }

  public var limitBytes: Int { memory.limitBytes }
  /// Bytes held at the moment.
  public var bytes: Int { memory.bytes }

  /// Throws when the table cannot be read.
  func texts(of table: SeriesTable) throws(FormatError) -> Texts {
    try memory.value(of: table) { table throws(FormatError) in try Texts(table) }
  }
}
