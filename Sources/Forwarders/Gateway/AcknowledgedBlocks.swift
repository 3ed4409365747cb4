import Codec
import Model

/// Which blocks a gateway has acknowledged of deliveries that failed elsewhere, so that they are not sent again when the delivery comes again. A value.
///
/// A delivery that has got through is forgotten; so is everything when the cursor is moved, since the same rows are wanted again then. What never comes
/// again (a lane's rest at a stop) is crowded out by what follows.
struct AcknowledgedBlocks: Sendable {
  /// Parts of rows have the same numbers, so the content counts, too.
  struct Key: Hashable, Sendable {
    let tenant: Tenant
    let origin: Origin
    let first: UInt64
    let last: UInt64
    let checksum: UInt64

    init(_ block: SealedBlock) {
      tenant = block.header.tenant
      origin = block.header.origin
      first = block.header.sequences.lowerBound
      last = block.header.sequences.upperBound
      checksum = block.header.payloadChecksum
    }
  }

  static let limit = 4096

  private var generation: UInt64?
  private var keys: Set<Key> = []
  private var order: [Key] = []

  var count: Int { keys.count }

  mutating func begin(generation: UInt64) {
    guard self.generation != generation else { return }
    self.generation = generation
    keys = []
    order = []
  }

  func holds(_ key: Key) -> Bool { keys.contains(key) }

  mutating func remember(_ key: Key) {
    guard keys.insert(key).inserted else { return }
    order.append(key)
    if order.count > Self.limit {
      let half = order.prefix(Self.limit / 2)
      keys.subtract(half)
      order.removeFirst(half.count)
    }
  }

  mutating func forget(_ forgotten: some Sequence<Key>) {
    guard !keys.isEmpty else { return }
    keys.subtract(forgotten)
    order.removeAll { !keys.contains($0) }
  }
}
