import Codec
import Model

/// Looks at a log, live or not, without taking its lock, and hands changes of cursors to whoever has it.
///
/// Methods block for as long as they read; not for the cooperative pool.
public struct LogInspector: Sendable {
  public let directory: String
  private let paths: LogConfiguration

  /// Throws when there is no log.
  public init(directory: String) throws(LogError) {
    paths = LogConfiguration(directory: directory)
    self.directory = paths.directory
    guard Files.length(paths.segmentsDirectory) != nil else {
      throw LogError(.misuse, "\(directory): there is no log here (no directory segments/)")
    }
  }

  /// Whether a process has the log open for writing.
  public var isLive: Bool { OpenLogs.find(directory) != nil || LogLock.isHeld(directory: directory) }

  // MARK: - Overviews

  public func stats() throws(LogError) -> LogStats {
    let view = try look()
    var stats = LogStats(
      directory: directory, isLive: isLive, segments: view.segments.count, blocks: 0, rows: 0, entries: 0,
      blockBytes: 0,
      segmentBytes: 0, quarantineBytes: UInt64(Files.bytes(in: paths.quarantineDirectory)),
      deadLetters: UInt64((try? deadLetterCount()) ?? 0),
      deadLetterBytes: UInt64(Files.bytes(in: paths.deadLettersDirectory)), diskBytes: 0,
      firstOffset: view.segments.first?.first ?? view.end, endOffset: view.end, oldestTime: nil, newestTime: nil,
      tenants: [], consumers: consumers(in: view), catalogProblem: view.catalogProblem)
    var tenants: [SegmentTotals.TenantSignal: UInt64] = [:]
    for segment in view.segments {
      stats.blocks += segment.totals.blocks
      stats.rows += segment.totals.rows
      stats.entries += segment.totals.entries
      stats.blockBytes += segment.totals.bytes
      stats.segmentBytes += UInt64(segment.fileBytes)
      for (tenant, rows) in segment.totals.rowsByTenant { tenants[tenant, default: 0] += rows }
      if let times = segment.totals.timesMilliseconds {
        stats.oldestTime = min(stats.oldestTime ?? .max, times.lowerBound)
        stats.newestTime = max(stats.newestTime ?? .min, times.upperBound)
      }
    }
    stats.tenants = LogInspector.tenants(tenants)
    stats.diskBytes =
      UInt64(Files.bytes(in: directory) + Files.bytes(in: paths.segmentsDirectory)) + stats.quarantineBytes
      + stats.deadLetterBytes
    return stats
  }

  public func segments() throws(LogError) -> [SegmentDescription] {
    let view = try look()
    return view.segments.enumerated().map { index, segment in
      let totals = segment.totals
      return SegmentDescription(
        file: "segments/\(SegmentName.file(segment.first))", firstOffset: totals.first, endOffset: totals.end,
        isActive: index == view.segments.count - 1 && !totals.isSealed, isEstimated: segment.isEstimated,
        blocks: totals.blocks, rows: totals.rows, entries: totals.entries, blockBytes: totals.bytes,
        fileBytes: UInt64(segment.fileBytes), oldestTime: totals.timesMilliseconds?.lowerBound,
        newestTime: totals.timesMilliseconds?.upperBound, sealedWall: totals.isSealed ? totals.sealedWall : nil,
        hasChecksums: Files.length(sumsPath(segment.first)) != nil, tenants: LogInspector.tenants(totals.rowsByTenant))
    }
  }

  public func consumers() throws(LogError) -> [ConsumerStatus] { consumers(in: try look()) }

  // MARK: - Blocks

  /// The blocks of the segment that starts at `first`, by their headers; damaged ones as problems.
  public func blocks(of first: UInt64) throws(LogError) -> (blocks: [BlockDescription], problems: [VerifyProblem]) {
    let (segment, file) = try open(first)
    var blocks: [BlockDescription] = []
    var problems: [VerifyProblem] = []
    try segment.environment.read { (transaction) throws(LogError) in
      try transaction.forEach(segment.blocks, fromFloorOf: 0) { (key, value) throws(LogError) -> Bool in
        do throws(FormatError) {
          blocks.append(BlockDescription(try StoredRecord.header(of: value, at: key), at: key))
        } catch {
          problems.append(VerifyProblem(file: file, offset: key, what: "\(error)"))
        }
        return true
      }
    }
    return (blocks, problems)
  }

  /// The block that holds the row at `offset`, with its tables; nil when no file holds that row.
  public func block(at offset: UInt64) throws(LogError) -> StoredBlock? {
    let view = try look()
    guard let info = view.segments.last(where: { $0.first <= offset }) else { return nil }
    let (segment, file) = try open(info.first)
    var cache = SegmentReader.TableCache()
    let reading = try SegmentReader.read(
      segment, from: offset, to: SegmentName.limitOffset, notIn: DeliveredRanges(base: 0), limitBytes: 1, tables: &cache
    )
    if let damaged = reading.damaged.first, damaged.offsets.contains(offset) {
      throw LogError(.damaged, "\(file): block at offset \(damaged.offsets.lowerBound): \(damaged.reason)")
    }
    return reading.blocks.first { $0.offsets.contains(offset) }
  }

  /// Reads everything: page checksums, trees, and every block decoded with its tables. Goes on after each problem.
  public func verify(each progress: (SegmentDescription) -> Void = { _ in }) throws(LogError) -> VerifyReport {
    var report = VerifyReport()
    let view = try look()
    if let problem = view.catalogProblem { report.problems.append(VerifyProblem(file: "catalog.lmdb", what: problem)) }
    for description in try segments() {
      progress(description)
      try verify(description, into: &report)
    }
    let decoder: Decoder
    do throws(FormatError) { decoder = try Decoder() } catch { throw LogError.format(error, "zstd") }
    try verifyDeadLetters(decoder.opener, into: &report)
    return report
  }

  private func verify(_ description: SegmentDescription, into report: inout VerifyReport) throws(LogError) {
    let path = "\(directory)/\(description.file)"
    report.segments += 1
    report.bytes += description.fileBytes
    // While it is written nobody may walk it; its writer did when it was opened.
    if !description.isActive || !isLive {
      let sums = description.isActive ? nil : sumsPath(description.firstOffset)
      if let damage = try SegmentCheck.damage(path: path, sums: sums) {
        guard Files.length(path) != nil else { return }
        report.problems.append(VerifyProblem(file: description.file, what: damage))
        return
      }
    }
    let segment: Segment
    do throws(LogError) { (segment, _) = try open(description.firstOffset, isChecked: true) } catch {
      // Retention may have been faster.
      guard Files.length(path) != nil else { return }
      report.problems.append(VerifyProblem(file: description.file, what: error.what))
      return
    }
    for name in try segment.tableNames() {
      report.tables += 1
      do {
        guard let table = try segment.table(name) else { throw FormatError(.checksum, "table \(name) is damaged") }
        _ = try table.decode()
      } catch {
        report.problems.append(VerifyProblem(file: description.file, what: "\(error)"))
      }
    }
    let decoder: Decoder
    do throws(FormatError) { decoder = try Decoder() } catch { throw LogError.format(error, "zstd") }
    var found = VerifyReport()
    do {
      try eachBlock(of: segment, problems: &report.problems, file: description.file) { stored in
        found.blocks += 1
        found.rows += UInt64(stored.offsets.count)
        do {
          _ = try decoder.opener.open(stored.block).resolve(stored.tables)
        } catch {
          found.problems.append(
            VerifyProblem(file: description.file, offset: stored.offsets.lowerBound, what: "\(error)"))
        }
      }
    } catch {
      found.problems.append(VerifyProblem(file: description.file, what: "\(error)"))
    }
    report.blocks += found.blocks
    report.rows += found.rows
    report.problems += found.problems
  }

  /// Holds the decoder's context, so that a closure can use it.
  private final class Decoder {
    let opener: BlockOpener
    init() throws(FormatError) { opener = try BlockOpener() }
  }

  /// Hands over blocks in self-contained envelopes of about 16 MiB at most, in order.
  public func export(
    _ filter: ExportFilter = ExportFilter(), to write: (_ envelope: [UInt8], _ offsets: Range<UInt64>) throws -> Void
  ) throws -> ExportSummary {
    var summary = ExportSummary()
    let view = try look()
    for info in view.segments
    where info.first < filter.offsets.upperBound && info.totals.end > filter.offsets.lowerBound {
      let file = "segments/\(SegmentName.file(info.first))"
      let segment: Segment
      do throws(LogError) { (segment, _) = try open(info.first) } catch {
        summary.problems.append(VerifyProblem(file: file, what: error.what))
        continue
      }
      var pending: [StoredBlock] = []
      var bytes = 0
      func flush() throws {
        guard let first = pending.first, let last = pending.last else { return }
        var tables: [TableName: SeriesTable] = [:]
        var order: [SeriesTable] = []
        for table in pending.flatMap(\.tables) where tables.updateValue(table, forKey: table.name) == nil {
          order.append(table)
        }
        let envelope = try Envelope.encode(tables: order, blocks: pending.map(\.block))
        try write(envelope, first.offsets.lowerBound..<last.offsets.upperBound)
        summary.envelopes += 1
        summary.bytes += UInt64(envelope.count)
        pending = []
        bytes = 0
      }
      var problems: [VerifyProblem] = []
      try eachBlock(of: segment, problems: &problems, file: file) { stored throws in
        guard filter.matches(stored.block.header, at: stored.offsets.lowerBound) else { return }
        let tableCount = pending.reduce(stored.tables.count) { $0 + $1.tables.count }
        if bytes + stored.block.bytes.count > 16 << 20 || pending.count >= 1024
          || tableCount > FormatLimits.envelopeItems
        {
          try flush()
        }
        pending.append(stored)
        bytes += stored.block.bytes.count
        summary.blocks += 1
        summary.rows += UInt64(stored.offsets.count)
      }
      summary.problems += problems
      try flush()
    }
    return summary
  }

  /// Every block that can be read, one after the other.
  private func eachBlock(
    of segment: Segment, problems: inout [VerifyProblem], file: String, _ body: (StoredBlock) throws -> Void
  ) throws {
    var cache = SegmentReader.TableCache()
    var from = segment.first
    let nothing = DeliveredRanges(base: 0)
    while true {
      let reading = try SegmentReader.read(
        segment, from: from, to: SegmentName.limitOffset, notIn: nothing, limitBytes: 8 << 20, tables: &cache)
      for damaged in reading.damaged {
        problems.append(VerifyProblem(file: file, offset: damaged.offsets.lowerBound, what: damaged.reason))
      }
      for stored in reading.blocks { try body(stored) }
      guard !reading.reachedEnd else { return }
      from = max(
        reading.blocks.last?.offsets.upperBound ?? from, reading.damaged.last?.offsets.upperBound ?? from)
    }
  }

  // MARK: - Opening

  struct View {
    var segments: [SegmentInfo] = []
    var end: UInt64 = 0
    var consumers: [String: ConsumerRecord] = [:]
    var catalogProblem: String?
  }

  /// The directory's list with the catalog's totals, and the active segment's counted.
  private func look() throws(LogError) -> View {
    var view = View()
    var contents = Catalog.Contents()
    do throws(LogError) { contents = try catalogContents() } catch { view.catalogProblem = error.what }
    view.consumers = contents.consumers
    let firsts = try Files.list(paths.segmentsDirectory).compactMap { SegmentName.first($0) }
    for (index, first) in firsts.enumerated() {
      guard let fileBytes = Files.length(path(first)) else { continue }
      let next = index + 1 < firsts.count ? firsts[index + 1] : nil
      var info = SegmentInfo(totals: SegmentTotals(first: first), fileBytes: fileBytes)
      if let known = contents.totals[first] {
        info.totals = known
      } else if let next {
        info.totals.end = next
        info.totals.rows = next - first
        info.totals.sealedAt = 0
        info.isEstimated = true
      } else if fileBytes > 0, let (segment, _) = try? open(first), let (totals, _) = try? segment.countedTotals() {
        info.totals = totals
      }
      view.segments.append(info)
    }
    view.end = max(view.segments.last?.totals.end ?? 0, contents.consumers.values.map(\.delivered.end).max() ?? 0)
    return view
  }

  private func catalogContents() throws(LogError) -> Catalog.Contents {
    if let open = OpenLogs.find(directory) { return try open.catalog.contents() }
    let path = paths.catalogPath
    guard Files.length(path) != nil else { throw LogError(.damaged, "\(path): is missing") }
    if !isLive {
      do throws(IntegrityError) {
        if case .broken(let reason) = try TreeWalk.walk(path) { throw IntegrityError("\(reason)", path: path, code: 0) }
      } catch {
        throw LogError(.damaged, error.description)
      }
    }
    return try Catalog(path: path, live: true).contents()
  }

  private func consumers(in view: View) -> [ConsumerStatus] {
    let state = LogState(
      segments: view.segments, active: nil, end: view.end, positions: [:], consumers: [:])
    let hold = paths.orphanHold.milliseconds
    let held = OpenLogs.find(directory).map { open in
      open.core.state.withLock { $0.consumers.filter(\.value.isHeld).map(\.key) }
    }
    let isLive = self.isLive
    return view.consumers.sorted { $0.key < $1.key }.map { name, record in
      // From outside a held cursor is known by its time without a holder, which stays at 0.
      let isHeld = held?.contains(name) ?? (isLive && record.unheldMilliseconds == 0)
      return state.status(
        of: Consumer(record: record, holder: isHeld ? 0 : nil, sentLimit: view.end), named: name,
        wall: LogClock.system.wall().rawValue,
        orphanHold: hold)
    }
  }

  private func path(_ first: UInt64) -> String { "\(paths.segmentsDirectory)/\(SegmentName.file(first))" }

  private func sumsPath(_ first: UInt64) -> String { PageSums.path(besides: path(first)) }

  /// Opens a segment for reading, checked first unless that was done or its writer has it.
  private func open(_ first: UInt64, isChecked: Bool = false) throws(LogError) -> (Segment, file: String) {
    let file = "segments/\(SegmentName.file(first))"
    let path = path(first)
    if let open = OpenLogs.find(directory),
      let active = open.core.state.withLock({ $0.active }), active.first == first
    {
      return (active, file)
    }
    guard Files.length(path) != nil else { throw LogError(.misuse, "\(path): there is no such segment") }
    let newest = try Files.list(paths.segmentsDirectory).compactMap { SegmentName.first($0) }.last
    let isActive = first == newest
    if !isChecked, !isActive || !isLive,
      let damage = try SegmentCheck.damage(path: path, sums: isActive ? nil : sumsPath(first))
    {
      throw LogError(.damaged, "\(path): \(damage)")
    }
    let segment = try Segment.open(
      path: path, first: first, mode: isActive && isLive ? .readingLive : .readingSealed)
    return (segment, file)
  }

  static func tenants(_ rows: [SegmentTotals.TenantSignal: UInt64]) -> [TenantStatus] {
    rows.map {
      TenantStatus(tenant: $0.key.tenant.name, signal: $0.key.signal == .logs ? "logs" : "metrics", rows: $0.value)
    }.sorted { ($0.tenant, $0.signal) < ($1.tenant, $1.signal) }
  }
}
