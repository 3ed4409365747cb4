import Codec
import Model

// The log at one moment, added up under the lock.
extension LogCore {
  func status() -> LogStatus {
    let wall = configuration.clock.wall().rawValue
    let orphanHold = configuration.orphanHold.milliseconds
    return state.withLock { state in
      var tenants: [SegmentTotals.TenantSignal: UInt64] = [:]
      var blocks: UInt64 = 0
      var rows: UInt64 = 0
      var entries: UInt64 = 0
      var bytes: UInt64 = 0
      var times: ClosedRange<Int64>?
      for segment in state.segments {
        let totals = segment.totals
        blocks += totals.blocks
        rows += totals.rows
        entries += totals.entries
        bytes += totals.bytes
        for (tenant, rows) in totals.rowsByTenant { tenants[tenant, default: 0] += rows }
        if let more = totals.timesMilliseconds {
          times = times.map { min($0.lowerBound, more.lowerBound)...max($0.upperBound, more.upperBound) } ?? more
        }
      }
      let consumers = state.consumers.sorted { $0.key < $1.key }.map { name, consumer in
        state.status(of: consumer, named: name, wall: wall, orphanHold: orphanHold)
      }
      return LogStatus(
        directory: configuration.directory, segments: state.segments.count, blocks: blocks, rows: rows,
        entries: entries,
        blockBytes: bytes, diskBytes: UInt64(max(0, state.diskBytes)), maxSizeBytes: UInt64(configuration.maxSizeBytes),
        isFull: state.isFull, firstOffset: state.oldest, endOffset: state.end, oldestTime: times?.lowerBound,
        newestTime: times?.upperBound, waitingBytes: UInt64(max(0, state.waitingBytes)),
        tenants: tenants.map {
          TenantStatus(tenant: $0.key.tenant.name, signal: $0.key.signal == .logs ? "logs" : "metrics", rows: $0.value)
        }.sorted { ($0.tenant, $0.signal) < ($1.tenant, $1.signal) },
        consumers: consumers, deadLetters: UInt64(state.letters), deadLetterBytes: UInt64(state.letterBytes),
        counters: state.counters, trouble: state.trouble)
    }
  }
}

extension LogState {
  func status(of consumer: Consumer, named name: String, wall: Int64, orphanHold: Int64) -> ConsumerStatus {
    let delivered = consumer.record.delivered
    var lagRows: UInt64 = 0
    var lagBytes: UInt64 = 0
    var newestOfFirst: Int64?
    for segment in segments where segment.totals.end > delivered.base && segment.totals.rows > 0 {
      let totals = segment.totals
      let open = delivered.undelivered(in: totals.range)
      guard open > 0 else { continue }
      lagRows += min(open, totals.rows)
      lagBytes += UInt64(Double(totals.bytes) * Double(min(open, totals.rows)) / Double(totals.rows))
      if newestOfFirst == nil { newestOfFirst = totals.timesMilliseconds?.upperBound }
    }
    return ConsumerStatus(
      name: name, base: delivered.base, holes: delivered.holes, generation: consumer.record.generation,
      isHeld: consumer.isHeld, holdsSegments: holds(consumer, orphanHold: orphanHold),
      unheldSeconds: Double(consumer.record.unheldMilliseconds) / 1000, lagRows: lagRows, lagBytes: lagBytes,
      lagSeconds: newestOfFirst.map { max(0, Double(wall &- $0) / 1000) } ?? 0,
      droppedRows: consumer.record.droppedRows,
      missingRows: consumer.record.missingRows, sentBefore: consumer.sentBefore)
  }
}
