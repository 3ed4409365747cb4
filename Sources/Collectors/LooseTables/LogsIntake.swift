import Codec
import Model
import Parsing
import Wire

/// Makes rows of pushed log streams: Loki's pushes as protobuf and JSON, and the original's log batches. Bodies come uncompressed.
///
/// What cannot be taken, a stream without labels, a line that is too long, is left out and told in `rejected`; the rest is taken, in the order in which it
/// came. A body that cannot be read is refused whole.
public final class LogsIntake: Sendable {
  private let limits: PushLimits
  private let interner: SeriesInterner
  private let hash = KeyHash.ofProcess
  private let now: @Sendable () -> ContinuousClock.Instant

  public init(limits: PushLimits, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.limits = limits
    self.now = now
    interner = SeriesInterner(signal: .logs, limits: limits, now: now)
  }

  /// For metrics: tenants, streams alive, and what counts towards `seriesOfAllTenants`.
  public var counts: (tenants: Int, alive: Int, held: Int) { interner.counts }

  /// A logproto.PushRequest.
  public func read(lokiProtobuf body: [UInt8], tenant: Tenant) throws(PushError) -> Push {
    try take(try decoded { () throws(WireError) in try LokiPushDecoder.decode(body, Self.wireLimits) }, tenant)
  }

  /// Loki's JSON, in its present form or the older one.
  public func read(lokiJSON body: [UInt8], tenant: Tenant) throws(PushError) -> Push {
    try take(try decoded { () throws(WireError) in try LokiPushJSON.decode(body, Self.wireLimits) }, tenant)
  }

  /// The original's batch. Its `tenantID`, where it has one, stands for the default tenant, unless somebody with a say has fixed that.
  public func read(
    producerBatch body: [UInt8], tenant: Tenant, isTenantFixed: Bool = false
  ) throws(PushError) -> Push {
    let batch = try decoded { () throws(WireError) in try ProducerBatch.decode(body, Self.wireLimits) }
    guard !isTenantFixed, tenant == .default, !batch.tenant.isEmpty else { return try take(batch.push, tenant) }
    guard let named = Tenant(batch.tenant) else {
      throw .invalid("tenantID: \(batch.tenant.utf8.count) bytes, at most \(Tenant.limitBytes)")
    }
    return try take(batch.push, named)
  }

  /// Whoever has the body has bounded its bytes.
  private static let wireLimits = {
    var limits = LokiPushLimits()
    limits.messageBytes = .max
    return limits
  }()

  private func decoded<Value>(_ decode: () throws(WireError) -> Value) throws(PushError) -> Value {
    do {
      return try decode()
    } catch {
      throw error.kind == .tooLarge ? .tooLarge("\(error)") : .invalid("\(error)")
    }
  }

  private func take(_ message: LokiPush, _ tenant: Tenant) throws(PushError) -> Push {
    var rejections = EntryRejections()
    for stream in message.streams where stream.entriesOutOfReach > 0 {
      rejections.add("an entry without a time, or with one before 1677 or after 2262", count: stream.entriesOutOfReach)
    }
    let streams = message.streams.filter { !$0.entries.isEmpty }
    var push = Push()
    if !streams.isEmpty {
      guard let known = interner.series(of: tenant) else {
        throw .tooManySeries(
          "no room for another tenant's streams: all together have \(limits.seriesOfAllTenants), the most allowed")
      }
      let places = places(of: streams, in: known, &rejections)
      push.rows = rows(of: streams, places, tenant, &rejections, &push.written)
    }
    push.rejected = rejections.all
    return push
  }

  /// A place for each stream; none for those that are rejected.
  private func places(
    of streams: [LokiPush.Stream], in known: TenantSeries, _ rejections: inout EntryRejections
  ) -> SeriesPlaces {
    let keys = streams.map { key(of: $0.identity) }
    var found = known.find(keys)
    var new: [NewSeries] = []
    var newAt: [Int] = []
    for (at, stream) in streams.enumerated() where found.places[at] == .none {
      do throws(StreamFault) {
        new.append(try StreamCheck(limits).series(stream.identity, spelling: keys[at], hash))
        newAt.append(at)
      } catch {
        rejections.add(error.reason, count: stream.entries.count)
      }
    }
    guard !new.isEmpty else { return found }
    let taken = known.take(new)
    for (at, place) in zip(newAt, taken.places) {
      found.places[at] = place
      if place == .none {
        rejections.add(
          "too many streams: \(limits.seriesPerTenant) a tenant, \(limits.seriesOfAllTenants) of all tenants",
          count: streams[at].entries.count, isTemporary: true)
      }
    }
    found.groups.merge(taken.groups) { _, new in new }
    return found
  }

  /// Of the bytes as they came.
  private func key(of identity: LokiPush.Identity) -> SeriesKey? {
    switch identity {
    case .text(let text): return hash.key(0..<text.count, in: text.span)
    case .pairs(let pairs):
      // Bytes that are in no text keep the parts apart, and pairs apart from texts.
      var bytes: [UInt8] = [0xFE]
      for label in pairs {
        bytes += label.name.utf8
        bytes.append(0xFF)
        bytes += label.value.utf8
        bytes.append(0xFF)
      }
      return hash.key(0..<bytes.count, in: bytes.span)
    }
  }

  private func rows(
    of streams: [LokiPush.Stream], _ places: SeriesPlaces, _ tenant: Tenant, _ rejections: inout EntryRejections,
    _ written: inout Push.Counts
  ) -> RowBatch? {
    var entries: [UInt32: [LogRows.Entry]] = [:]
    var order: [UInt32] = []
    let check = EntryCheck(limits)
    for (stream, place) in zip(streams, places.places) where place != .none {
      if entries[place.group] == nil { order.append(place.group) }
      var taken = entries.removeValue(forKey: place.group) ?? []
      // Not for each stream: room for exactly so many more would copy all of them each time.
      if taken.isEmpty { taken.reserveCapacity(stream.entries.count) }
      for entry in stream.entries {
        if let fault = check.fault(of: entry) {
          rejections.add(fault, count: 1)
        } else {
          taken.append(LogRows.Entry(stream: place.index, entry: entry))
        }
      }
      entries[place.group] = taken
    }
    var parts: [LogRows] = []
    let now = now()
    for id in order {
      guard let group = places.groups[id], let taken = entries[id], !taken.isEmpty else { continue }
      do throws(FormatError) {
        parts.append(LogRows(source: group.source, tables: try group.tables(nil, now: now), entries: taken))
        written.entries += taken.count
      } catch {
        rejections.add("streams could not be put into a table: \(error)", count: taken.count, isTemporary: true)
      }
    }
    return parts.isEmpty ? nil : RowBatch(tenant: tenant, logs: parts)
  }
}
