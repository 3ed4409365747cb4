import Codec
import Foundation
import Model
import Testing

@testable import WAL

@Suite struct `Received rows of all origins` {
  private func key(_ origin: UInt64, _ tenant: Tenant = .default) -> ReceivedKey {
    ReceivedKey(tenant: tenant, origin: Origin(low: origin, high: 0))
  }

  @Test func `have keys that say whose they are, and the default tenant's are those of version 1`() throws {
    let shop = try #require(Tenant("shop-7"))
    let origin = Origin(low: 0x0102_0304_0506_0708, high: 9)
    #expect(ReceivedKey(tenant: .default, origin: origin).keyBytes == [8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 0, 0, 0, 0, 0, 0])
    for tenant in [.default, shop, try #require(Tenant(String(repeating: "x", count: 150)))] {
      let key = ReceivedKey(tenant: tenant, origin: origin)
      #expect(ReceivedKey(keyBytes: key.keyBytes) == key)
    }
    #expect(ReceivedKey(keyBytes: [1, 2, 3]) == nil)
    #expect(ReceivedKey(keyBytes: origin.keyBytes + [0xff]) == nil)
    #expect(ReceivedKey(keyBytes: origin.keyBytes + [UInt8](repeating: 65, count: 151)) == nil)
  }

  @Test func `forget the longest silent of the tenant that has the most`() throws {
    let (shop, ship) = (try #require(Tenant("shop")), try #require(Tenant("ship")))
    var rows = ReceivedRows()
    for index in 0..<UInt64(300) { rows[key(index, shop)] = ReceivedOrigin(lastHeard: Int64(index)) }
    for index in 0..<UInt64(100) { rows[key(index, ship)] = ReceivedOrigin(lastHeard: -5) }
    #expect(rows.forgetBeyond(400) == [])
    let gone = rows.forgetBeyond(390)
    #expect(Set(gone) == Set((0..<13).map { key($0, shop) }) && rows.count == 387)
    #expect(rows[key(13, shop)] != nil && rows[key(0, ship)] != nil && rows[key(12, shop)] == nil)
    #expect(Set(rows.forgetSilent(before: 0)).count == 100)
    #expect(rows.count == 287 && rows.tenants[ship] == nil)
  }

  @Test func `of tenants that have as many are forgotten evenly, and of ever new tenants in no time`() throws {
    var rows = ReceivedRows()
    for tenant in 0..<100 {
      let tenant = try #require(Tenant("tenant-\(tenant)"))
      for index in 0..<UInt64(20) { rows[key(index, tenant)] = ReceivedOrigin(lastHeard: Int64(index)) }
    }
    let gone = rows.forgetBeyond(1900)
    #expect(gone.count == 119 && rows.count == 1881)
    #expect(rows.tenants.count == 100 && rows.tenants.values.allSatisfy { (18...19).contains($0.count) })
    #expect(gone.allSatisfy { $0.origin.low < 2 })

    // Each with a tenant of its own: a search for each that goes would take seconds.
    var many = ReceivedRows()
    for index in 0..<UInt64(50_001) {
      many[key(index, try #require(Tenant("t\(index)")))] = ReceivedOrigin(lastHeard: Int64(index))
    }
    let searched = many.forgetBeyond(50_000)
    #expect(Set(searched) == Set(try (0..<501).map { key($0, try #require(Tenant("t\($0)"))) }))
  }

  @Test func `are joined to what either knows`() {
    var (one, two) = (ReceivedOrigin(lastHeard: 3), ReceivedOrigin(lastHeard: 2))
    one.note(1...4, at: 3)
    two.note(4...9, at: 2)
    one.formUnion(two)
    #expect(one.judge(1...9) == .known && one.lastHeard == 3)
    for range in 1...UInt64(ReceivedOrigin.limitRanges) { two.note((range * 4 + 100)...(range * 4 + 101), at: 4) }
    one.formUnion(two)
    #expect(one.sequences.ranges.count == ReceivedOrigin.limitRanges)
    #expect(one.judge(356...357) == .known && one.judge(1...9) == .new)
  }

  private func block(_ origin: Origin, _ sequences: ClosedRange<Int>, _ tenant: Tenant = .default) throws -> SealedBlock
  {
    var sealer = try BlockSealer()
    return try sealer.seal(
      Rows.lines(sequences.lowerBound..<(sequences.upperBound + 1), tenant: tenant), origin: origin,
      firstSequence: UInt64(sequences.lowerBound))[0].block
  }

  @Test func `of one tenant say nothing about another's`() async throws {
    let scratch = LogScratch()
    let tables = [try Rows.table()]
    let (shop, thief) = (try #require(Tenant("shop")), try #require(Tenant("thief")))
    let origin = Origin.random()
    var log = try scratch.open()
    // Somebody who knows the origin claims its rows, and more than there are.
    _ = try await log.append(received: [block(origin, 1...9, thief)], tables: tables)
    for round in 0..<2 {
      let outcomes = try await log.append(received: [block(origin, 1...4, shop)], tables: tables)
      #expect(outcomes == (round == 0 ? [.stored(offsets: 9..<13)] : [.alreadyHeld]))
      #expect(try await log.append(received: [block(origin, 1...9, thief)]) == [.alreadyHeld])
      #expect(
        try await log.append(received: [block(origin, 9...9)], tables: tables).first != .alreadyHeld || round == 1)
      if round == 0 {
        await log.abandon()
        log = try scratch.open()
        try await log.roll()
      }
    }
    try await log.close()
  }

  @Test func `move to the catalog when they are many, and survive kills, rolls, and the loss of either`() async throws {
    let scratch = LogScratch()
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "x")]))], signal: .logs)
    var sealer = try BlockSealer()
    func one(_ origin: Int) throws -> SealedBlock {
      let entry = LogRows.Entry(stream: 0, entry: LogEntry(timestamp: UnixNanoseconds(1), line: [65]))
      return try sealer.seal(
        RowBatch(logs: [LogRows(source: 1, tables: [table], entries: [entry])]),
        origin: Origin(low: UInt64(origin) &* 0x9e37_79b9_7f4a_7c15, high: 1), firstSequence: 1)[0].block
    }
    let clock = TestClock()
    let configuration = scratch.configuration(clock: clock.clock)
    var log = try scratch.open(configuration)
    let most = LogWriter.carriedOrigins(segmentBytes: configuration.segmentBytes)
    let many = most + 3000
    for first in stride(from: 0, to: many, by: 1000) {
      clock.pass(.seconds(1))
      _ = try await log.append(received: try (first..<min(many, first + 1000)).map { try one($0) }, tables: [table])
    }
    try await log.roll()
    _ = try await log.append(Rows.lines(0..<1))
    try await log.roll()
    await log.abandon()
    let newest = try Segment.open(
      path: scratch.path + "/segments/" + (scratch.segmentFiles.last ?? ""), first: UInt64(many + 1),
      mode: .readingSealed)
    let carried = try newest.carried().carried
    #expect(carried.needsCatalog && carried.received.count < most)
    log = try scratch.open(configuration)
    for origin in [0, 1, 2999, many / 2, many - 1] {
      #expect(try await log.append(received: [one(origin)], tables: [table]) == [.alreadyHeld], "origin \(origin)")
    }
    try await log.close()
    // Without the catalog the segments tell.
    try FileManager.default.removeItem(atPath: scratch.path + "/catalog.lmdb")
    log = try scratch.open(configuration)
    #expect(log.opening.findings.contains(.originsFromSegments))
    for origin in [0, 1, 2999, many / 2, many - 1] {
      #expect(try await log.append(received: [one(origin)], tables: [table]) == [.alreadyHeld], "origin \(origin)")
    }
    try await log.close()
  }

  /// A gateway whose forwarder keeps up has the newest segment only.
  @Test func `are known when the newest segment is torn and those before it are delivered and gone`() async throws {
    let scratch = LogScratch()
    let tables = [try Rows.table()]
    let origin = Origin.random()
    var log = try scratch.open()
    let cursor = try await log.cursor(named: "a")
    _ = try await log.append(received: [block(origin, 1...4)], tables: tables)
    try await log.roll()
    for stored in try await cursor.next() { cursor.acknowledge(stored.offsets) }
    _ = try await log.append(received: [block(origin, 7...9)], tables: tables)
    try await log.roll()
    for stored in try await cursor.next() { cursor.acknowledge(stored.offsets) }
    // Upkeep removes what is delivered.
    while scratch.segmentFiles.count > 1 { try await Task.sleep(for: .milliseconds(20)) }
    _ = try await log.append(received: [block(origin, 10...12)], tables: tables)
    cursor.close()
    await log.abandon()
    try scratch.tearTrees("segments/" + scratch.segmentFiles[0])
    log = try scratch.open()
    #expect(log.opening.findings.contains { if case .segmentRebuilt(_, _, 1, 3) = $0 { true } else { false } })
    for rows in [1...4, 7...9, 10...12, 2...3] {
      #expect(try await log.append(received: [block(origin, rows)], tables: tables) == [.alreadyHeld], "\(rows)")
    }
    #expect(try await log.append(received: [block(origin, 3...6)], tables: tables) == [.partlyHeld(rowsStored: 2)])
    try await log.close()
  }

  @Test func `are no more than the log's size allows`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(scratch.configuration(maxSizeBytes: 4 << 20))
    let tables = [try Rows.table()]
    let limit = (4 << 20) / ReceivedRows.bytesEach
    for first in stride(from: 0, to: limit + 5, by: 100) {
      _ = try await log.append(
        received: try (first..<min(limit + 5, first + 100)).map { try block(Origin(low: UInt64($0), high: 7), 1...1) },
        tables: tables)
    }
    #expect(log.status().counters.originsForgotten > 0)
    #expect(log.status().counters.originsForgotten < 100)
    try await log.close()
  }

  @Test func `of a commit that failed are not held`() throws {
    let scratch = LogScratch()
    var opening = try LogOpening(scratch.configuration())
    let (core, writer) = try opening.run()
    defer { writer.closeFiles() }
    let origin = Origin.random()
    let sent = try block(origin, 1...3)
    // As a flush that failed behind a transaction that reached the file.
    func put(into active: Segment) throws {
      try active.environment.write { (transaction) throws(LogError) in
        try transaction.append(active.blocks, 0, RecordHead(offset: 0).encoded, sent.bytes)
        var rows = ReceivedOrigin(lastHeard: 0)
        rows.note(1...3, at: 0)
        try transaction.putChecked(active.received, ReceivedKey(sent.header).keyBytes, rows.encoded())
      }
    }
    if let active = writer.active { try put(into: active) }
    try writer.reopenActive()
    #expect(core.state.withLock { $0.end } == 3)
    #expect(writer.received[ReceivedKey(sent.header)] == nil)
  }
}

@Suite struct `Collectors' positions` {
  @Test func `are bounded all together`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    func append(_ name: Int, bytes: Int) async throws {
      _ = try await log.append(
        RowBatch(logs: []),
        positions: [CollectorPosition(collector: "c\(name)", position: [UInt8](repeating: 1, count: bytes))])
    }
    let most = log.core.configuration.limitPositionBytes / 60_000
    for name in 0..<most { try await append(name, bytes: 60_000) }
    await #expect(throws: LogError.self) { try await append(most + 1, bytes: 60_000) }
    // What is there may move on, and become smaller.
    try await append(0, bytes: 60_000)
    try await append(0, bytes: 10)
    try await append(most + 1, bytes: 59_000)
    try await log.close()
  }
}
