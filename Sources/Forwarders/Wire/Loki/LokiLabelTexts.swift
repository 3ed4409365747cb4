import Codec
import Model
import Synchronization

/// The label texts of the tables that were sent last, within a bound of bytes, so that a delivery over known tables decodes none.
public final class LokiLabelTexts: Sendable {
  public let limitBytes: Int
  private let state = Mutex(State())

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

  private struct State {
    var entries: [TableName: (texts: Texts, lastUse: UInt64)] = [:]
    var bytes = 0
    var uses: UInt64 = 0

    mutating func find(_ name: TableName) -> Texts? {
      guard let at = entries.index(forKey: name) else { return nil }
      uses += 1
      entries.values[at].lastUse = uses
      return entries.values[at].texts
    }

    mutating func insert(_ texts: Texts, _ name: TableName, limitBytes: Int) {
      guard entries[name] == nil, texts.approximateBytes <= limitBytes else { return }
      uses += 1
      entries[name] = (texts, uses)
      bytes += texts.approximateBytes
      while bytes > limitBytes, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
        bytes -= oldest.value.texts.approximateBytes
        entries[oldest.key] = nil
      }
    }
  }

  public init(limitBytes: Int = 16 << 20) { self.limitBytes = limitBytes }

  /// Bytes held at the moment.
  public var bytes: Int { state.withLock { $0.bytes } }

  /// Throws when the table cannot be read.
  func texts(of table: SeriesTable) throws(FormatError) -> Texts {
    if let found = state.withLock({ $0.find(table.name) }) { return found }
    // Outside the lock: two that want the same one at the same time make it twice, which harms nobody.
    let made = try Texts(table)
    state.withLock { $0.insert(made, table.name, limitBytes: limitBytes) }
    return made
  }
}
