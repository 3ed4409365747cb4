import Codec

/// The label templates of the tables that were sent last, within a bound of bytes. Making one costs about a millisecond for 1,000 series.
public final class LabelTemplates: Sendable {
  private let memory: TableMemory<LabelTemplate>

  public init(limitBytes: Int = 16 << 20) {
    memory = TableMemory(limitBytes: limitBytes) { $0.approximateBytes }
  }

  public var limitBytes: Int { memory.limitBytes }
  /// Bytes held at the moment.
  public var bytes: Int { memory.bytes }

  /// The table's template. Throws when the table cannot be read.
  func template(of table: SeriesTable) throws(FormatError) -> LabelTemplate {
    try memory.value(of: table) { table throws(FormatError) in LabelTemplate(try table.decode()) }
  }
}
