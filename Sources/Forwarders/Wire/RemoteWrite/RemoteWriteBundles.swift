import Codec
import Model

/// The groups of a delivery's blocks, opened, with those of one source over the same tables together: what belongs into one run of time series.
public struct RemoteWriteBundles: Sendable {
  /// Scrapes or loose samples, never both.
  struct Bundle: Sendable {
    let tables: [SeriesTable]
    private(set) var matrices: [MatrixGroup] = []
    private(set) var loose: [LooseGroup] = []

    init(tables: [SeriesTable], _ group: OpenedBlock.Group) {
      self.tables = tables
      add(group)
    }

    mutating func add(_ group: OpenedBlock.Group) {
      switch group {
      case .matrix(let group): matrices.append(group)
      case .loose(let group): loose.append(group)
      case .logs: break
      }
    }
  }

  let bundles: [Bundle]

  /// Opens the blocks. Throws when one cannot be read, or has log entries. Groups of sources that the delivery's shard does not hold are left out.
  ///
  /// A source that changes its tables begins another bundle, and so does one that comes back to tables which it had before: samples of a
  /// series must not pass those that came earlier.
  public init(_ delivery: Delivery, _ opener: borrowing BlockOpener) throws(FormatError) {
    struct Key: Hashable {
      let source: UInt64
      let isLoose: Bool
    }
    var bundles: [Bundle] = []
    var current: [Key: Int] = [:]
    for block in delivery.blocks {
      guard block.block.header.signal == .metrics else {
        throw FormatError(.inconsistent, "block: log entries, where remote write takes samples only")
      }
      let opened = try opener.open(block.block)
      for (group, tables) in zip(opened.groups, try opened.resolve(block.tables)) {
        let head = group.head
        if let shard = delivery.shard, !shard.holds(source: head.source) { continue }
        let key: Key
        switch group {
        case .matrix: key = Key(source: head.source, isLoose: false)
        case .loose: key = Key(source: head.source, isLoose: true)
        case .logs: continue
        }
        if let at = current[key], bundles[at].tables.elementsEqual(tables, by: { $0.name == $1.name }) {
          bundles[at].add(group)
        } else {
          current[key] = bundles.count
          bundles.append(Bundle(tables: tables, group))
        }
      }
    }
    self.bundles = bundles
  }
}
