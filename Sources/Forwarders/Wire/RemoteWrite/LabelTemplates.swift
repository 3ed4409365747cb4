import Codec
import Model
import Synchronization

/// The label templates of the tables that were sent last, within a bound of bytes. Making one costs about a millisecond for 1,000 series.
public final class LabelTemplates: Sendable {
  public let limitBytes: Int
  private let state = Mutex(State())

  private struct Entry {
    let template: LabelTemplate
    var lastUse: UInt64
  }

  private struct State {
    var entries: [TableName: Entry] = [:]
    var bytes = 0
    var uses: UInt64 = 0

    mutating func find(_ name: TableName) -> LabelTemplate? {
      guard let at = entries.index(forKey: name) else { return nil }
      uses += 1
      entries.values[at].lastUse = uses
      return entries.values[at].template
    }

    mutating func insert(_ template: LabelTemplate, _ name: TableName, limitBytes: Int) {
      guard entries[name] == nil, template.approximateBytes <= limitBytes else { return }
      uses += 1
      entries[name] = Entry(template: template, lastUse: uses)
      bytes += template.approximateBytes
      // A template costs far more to make than this search.
      while bytes > limitBytes, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
        bytes -= oldest.value.template.approximateBytes
        entries[oldest.key] = nil
      }
    }
  }

  public init(limitBytes: Int = 16 << 20) { self.limitBytes = limitBytes }

  /// Bytes held at the moment.
  public var bytes: Int { state.withLock { $0.bytes } }

  /// The table's template. Throws when the table cannot be read.
  func template(of table: SeriesTable) throws(FormatError) -> LabelTemplate {
    if let found = state.withLock({ $0.find(table.name) }) { return found }
    // Outside the lock: two that want the same one at the same time make it twice, which harms nobody.
    let made = LabelTemplate(try table.decode())
    state.withLock { $0.insert(made, table.name, limitBytes: limitBytes) }
    return made
  }
}
