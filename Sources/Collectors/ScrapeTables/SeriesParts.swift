import Codec
import Model

/// The series of one target, numbered by slots, and the tables that hold them.
///
/// A part is what becomes one row of a scrape: up to four tables whose series follow each other. The slots of the parts follow each other,
/// too. New series gather in the last part and get their table when the scrape is known to be good.
struct SeriesParts: Sendable {
  /// So many series that the row of a part stays below 900,000 bytes even when every value is a raw double with a timestamp of its own
  /// and nothing compresses (about 24 bytes a sample).
  static let limitSeries = 32_768
  /// Below this a part is not worth a new table, however few of its series are alive.
  static let smallestShrunk = 64

  struct Part: Sendable {
    var tables: [SeriesTable] = []
    /// Series in the tables.
    var tabled = 0
    /// Series that no table holds yet; only the last part has any.
    var fresh: [Series] = []
    var count: Int { tabled + fresh.count }
  }

  private(set) var parts: [Part] = []

  var count: Int { parts.reduce(0) { $0 + $1.count } }
  var hasFresh: Bool { parts.last.map { !$0.fresh.isEmpty } ?? false }
  /// How often all or some tables were made anew; for counters and tests.
  private(set) var rebuilds = 0

  /// Takes a new series into the next slot.
  mutating func append(_ series: Series) throws(FormatError) {
    if parts.last.map({ $0.count >= Self.limitSeries }) ?? true {
      try sealFresh()
      parts.append(Part())
    }
    parts[parts.count - 1].fresh.append(series)
  }

  /// Goes back to the parts as they were before some `append`s.
  mutating func restore(_ mark: [Part]) { parts = mark }

  /// All series in the order of their slots; the tables are decoded for it.
  func visit(_ body: (Series) -> Void) throws(FormatError) {
    for part in parts {
      for table in part.tables {
        for series in try table.decode() { body(series) }
      }
      for series in part.fresh { body(series) }
    }
  }

  /// Gives the new series their table: an extension, or one new table for the part when four are full or the new ones outnumber the known.
  /// A part of which under half is alive gets a new table, too; neighbours that need one become one part where they fit.
  /// `isKept` says of a slot whether it is needed in a new table. Slots move: the result maps old to new, nil for dropped ones; nil when none has moved.
  mutating func settle(isKept: (Int) -> Bool) throws(FormatError) -> [UInt32?]? {
    var needsNewTable: [Bool] = []
    var start = 0
    for part in parts {
      let slots = start..<start + part.count
      start = slots.upperBound
      let alive = slots.count(where: isKept)
      let outgrown =
        !part.fresh.isEmpty
        && (part.tables.count >= FormatLimits.groupTables || part.fresh.count >= part.tabled)
      let sparse = part.count >= Self.smallestShrunk && alive * 2 < part.count
      needsNewTable.append(part.tabled > 0 && (outgrown || sparse))
    }
    guard needsNewTable.contains(true) else {
      try sealFresh()
      return nil
    }
    let moves = try renew(isKept: isKept, replacing: { $0 }, onlyParts: needsNewTable)
    try sealFresh()
    return moves
  }

  /// Makes every table anew, or those of some parts, with what `replacing` makes of each series.
  mutating func renew(
    isKept: (Int) -> Bool, replacing: (Series) -> Series, onlyParts: [Bool]? = nil
  ) throws(FormatError) -> [UInt32?] {
    var kept = [Bool](repeating: true, count: count)
    var renewed: [Part] = []
    var gathered: [Series] = []
    var start = 0
    for (index, part) in parts.enumerated() {
      let slots = start..<start + part.count
      start = slots.upperBound
      let isRenewed = onlyParts?[index] ?? true
      let series = isRenewed ? try keptSeries(of: part, firstSlot: slots.lowerBound, isKept, replacing) : []
      if !isRenewed || gathered.count + series.count > Self.limitSeries {
        renewed += try Self.tabled(gathered[...])
        gathered = []
      }
      if isRenewed {
        for slot in slots { kept[slot] = isKept(slot) }
        gathered += series
        rebuilds += 1
      } else {
        renewed.append(part)
      }
    }
    parts = renewed + (try Self.tabled(gathered[...]))
    return Self.moves(kept)
  }

  private static func moves(_ kept: [Bool]) -> [UInt32?] {
    var next: UInt32 = 0
    return kept.map { isKept in
      guard isKept else { return nil }
      defer { next += 1 }
      return next
    }
  }

  private func keptSeries(
    of part: Part, firstSlot: Int, _ isKept: (Int) -> Bool, _ replacing: (Series) -> Series
  ) throws(FormatError) -> [Series] {
    var series: [Series] = []
    var slot = firstSlot
    for table in part.tables {
      for entry in try table.decode() {
        if isKept(slot) { series.append(replacing(entry)) }
        slot += 1
      }
    }
    for entry in part.fresh {
      if isKept(slot) { series.append(entry) }
      slot += 1
    }
    return series
  }

  /// Encodes what has no table yet. Where it does not fit one, parts are split.
  private mutating func sealFresh() throws(FormatError) {
    guard var last = parts.last, !last.fresh.isEmpty else { return }
    let fresh = last.fresh
    last.fresh = []
    var encoded = try Self.tabled(fresh[...])
    if last.tabled > 0, encoded.count == 1, last.tables.count < FormatLimits.groupTables {
      last.tables += encoded[0].tables
      last.tabled += encoded[0].tabled
      encoded = [last]
    } else if last.tabled > 0 {
      encoded.insert(last, at: 0)
    }
    parts.replaceSubrange(parts.count - 1..<parts.count, with: encoded)
  }

  /// Series as parts of one table each: one part, or several when one table cannot hold them.
  private static func tabled(_ series: ArraySlice<Series>) throws(FormatError) -> [Part] {
    guard !series.isEmpty else { return [] }
    do throws(FormatError) {
      let table = try SeriesTable(encoding: Array(series))
      return [Part(tables: [table], tabled: series.count)]
    } catch {
      guard error.kind == .tooLarge, series.count > 1 else { throw error }
      let middle = series.startIndex + series.count / 2
      return try tabled(series[..<middle]) + tabled(series[middle...])
    }
  }
}
