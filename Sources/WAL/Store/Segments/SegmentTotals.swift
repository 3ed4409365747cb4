import Codec
import Model

/// What a segment holds, added up: kept in a sealed segment's `meta`, and in the catalog so that opening need not look inside.
///
///     bytes   field
///     1       version, 1
///     8       first offset
///     8       end: the offset behind the last row
///     8       blocks
///     8       rows (fewer than end - first when a salvage lost some)
///     8       samples and entries
///     8       bytes of the blocks
///     1       bit 0: has metrics, bit 1: has logs
///     8 × 4   smallest and largest time of metrics (ms), of logs (ns)
///     8       sealed at, in the log's own time, ms; -1 while active
///     8       sealed at, by the wall clock, ms since 1970
///     varint  tenants; for each: length and name, signal (1 byte), rows (varint)
struct SegmentTotals: Sendable, Equatable {
  struct TenantSignal: Hashable, Sendable {
    var tenant: Tenant
    var signal: Signal
  }

  var first: UInt64
  var end: UInt64
  var blocks: UInt64 = 0
  var rows: UInt64 = 0
  var entries: UInt64 = 0
  var bytes: UInt64 = 0
  /// Milliseconds.
  var metricTimes: ClosedRange<Int64>?
  /// Nanoseconds.
  var logTimes: ClosedRange<Int64>?
  var sealedAt: Int64 = -1
  var sealedWall: Int64 = 0
  var rowsByTenant: [TenantSignal: UInt64] = [:]

  init(first: UInt64) {
    self.first = first
    self.end = first
  }

  var isSealed: Bool { sealedAt >= 0 }
  var range: Range<UInt64> { first..<end }

  mutating func add(_ header: BlockHeader, at offset: UInt64) {
    let count = UInt64(header.rowCount)
    end = max(end, offset + count)
    blocks += 1
    rows += count
    entries += UInt64(header.entryCount)
    bytes += UInt64(header.blockBytes)
    switch header.signal {
    case .metrics: metricTimes = joined(metricTimes, header.times)
    case .logs: logTimes = joined(logTimes, header.times)
    }
    rowsByTenant[TenantSignal(tenant: header.tenant, signal: header.signal), default: 0] += count
  }

  private func joined(_ a: ClosedRange<Int64>?, _ b: ClosedRange<Int64>) -> ClosedRange<Int64> {
    guard let a else { return b }
    return min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
  }

  /// The smallest and the largest time of what is in it, in milliseconds.
  var timesMilliseconds: ClosedRange<Int64>? {
    let logs = logTimes.map { ($0.lowerBound / 1_000_000)...($0.upperBound / 1_000_000) }
    guard let metricTimes else { return logs }
    return logs.map { joined(metricTimes, $0) } ?? metricTimes
  }

  func encoded() -> [UInt8] {
    var out = ByteWriter()
    out.byte(1)
    for number in [first, end, blocks, rows, entries, bytes] { out.fixed(number) }
    out.byte((metricTimes == nil ? 0 : 1) | (logTimes == nil ? 0 : 2))
    for times in [metricTimes, logTimes] {
      out.fixed(times?.lowerBound ?? 0)
      out.fixed(times?.upperBound ?? 0)
    }
    out.fixed(sealedAt)
    out.fixed(sealedWall)
    out.varint(rowsByTenant.count)
    let sorted = rowsByTenant.sorted {
      ($0.key.tenant.name, $0.key.signal.rawValue) < ($1.key.tenant.name, $1.key.signal.rawValue)
    }
    for (key, rows) in sorted {
      out.string(key.tenant.name)
      out.byte(key.signal.rawValue)
      out.varint(rows)
    }
    return out.bytes
  }

  init(decoding array: [UInt8]) throws(FormatError) {
    let bytes = array.span.bytes
    var reader = ByteReader(end: array.count)
    let version = try reader.byte("totals", in: bytes)
    guard version == 1 else { throw FormatError(.unknownFormat, "totals: version \(version)") }
    first = try reader.fixed(UInt64.self, "totals", in: bytes)
    end = try reader.fixed(UInt64.self, "totals", in: bytes)
    blocks = try reader.fixed(UInt64.self, "totals", in: bytes)
    rows = try reader.fixed(UInt64.self, "totals", in: bytes)
    entries = try reader.fixed(UInt64.self, "totals", in: bytes)
    self.bytes = try reader.fixed(UInt64.self, "totals", in: bytes)
    let has = try reader.byte("totals", in: bytes)
    var times: [ClosedRange<Int64>?] = []
    for bit in [UInt8(1), 2] {
      let low = try reader.fixed(Int64.self, "totals", in: bytes)
      let high = try reader.fixed(Int64.self, "totals", in: bytes)
      times.append(has & bit != 0 && low <= high ? low...high : nil)
    }
    metricTimes = times[0]
    logTimes = times[1]
    sealedAt = try reader.fixed(Int64.self, "totals", in: bytes)
    sealedWall = try reader.fixed(Int64.self, "totals", in: bytes)
    guard first <= end else { throw FormatError(.inconsistent, "totals: from \(first) to \(end)") }
    let tenants = try reader.count("totals: tenants", limit: reader.remaining, in: bytes)
    for _ in 0..<tenants {
      let name = try reader.string("totals: tenant", in: bytes)
      let signal = try reader.byte("totals: signal", in: bytes)
      let rows = try reader.varint("totals: rows", in: bytes)
      guard let tenant = Tenant(name), let signal = Signal(rawValue: signal) else {
        throw FormatError(.inconsistent, "totals: tenant \(name), signal \(signal)", at: reader.offset)
      }
      rowsByTenant[TenantSignal(tenant: tenant, signal: signal)] = rows
    }
    try reader.finish("totals")
  }
}
