import Codec
import LooseTables
import Model
import Wire

/// Remote write bodies, the first byte even for 1.0 and odd for 2.0: read for the first time and once more, when the series are known, they become the same
/// rows; these can be sealed; and nothing of what the strict decoder sees in 1.0 is neither stored nor told of.
public enum PushProbe {
  @discardableResult
  public static func run(_ bytes: [UInt8]) -> Bool {
    guard let first = bytes.first else { return false }
    let version: RemoteWriteVersion = first & 1 == 0 ? .v1 : .v2
    let body = Array(bytes.dropFirst())
    var limits = PushLimits()
    limits.labelsPerSeries = 16
    limits.labelValueBytes = 64
    limits.seriesPerTenant = 200
    let intake = MetricsIntake(limits: limits)
    guard let once = try? intake.read(body, as: version, tenant: .default) else {
      precondition((try? intake.read(body, as: version, tenant: .default)) == nil, "read at the second time only")
      return false
    }
    guard let again = try? intake.read(body, as: version, tenant: .default) else {
      preconditionFailure("read once, but not again")
    }
    precondition(once.written == again.written, "other counts at the second time")
    precondition(once.rejected == again.rejected, "other rejections at the second time")
    let (rows, others) = (looseRows(once), looseRows(again))
    precondition(rows.count == others.count, "another number of rows at the second time")
    for (row, other) in zip(rows, others) {
      precondition(row.samples == other.samples && row.extras == other.extras, "another row at the second time")
      precondition(row.tables.map(\.name) == other.tables.map(\.name), "other tables at the second time")
      precondition(row.source == other.source, "another source at the second time")
    }
    seal(once)
    if version == .v1 { compare(once, body) }
    return true
  }

  private static func seal(_ push: Push) {
    guard let rows = push.rows else { return }
    do {
      var sealer = try BlockSealer(level: 1)
      let blocks = try sealer.seal(rows, origin: Origin(low: 1, high: 1), firstSequence: 1)
      for sealed in blocks { _ = try BlockOpener().open(sealed.block) }
    } catch {
      preconditionFailure("rows that cannot be sealed: \(error)")
    }
  }

  private static func compare(_ push: Push, _ body: [UInt8]) {
    guard let request = try? RemoteWriteDecoder.decode(body) else { return }
    let sent = request.series.reduce(0) { $0 + $1.samples.count + $1.histograms.count + $1.exemplars.count }
    let kept = push.written.samples + push.written.histograms + push.written.exemplars
    let told = push.rejected.reduce(0) { $0 + $1.count }
    precondition(sent == kept + told, "\(sent) sent, \(kept) kept, \(told) told of")
  }

  private static func looseRows(_ push: Push) -> [LooseRow] {
    guard case .metrics(let rows)? = push.rows?.rows else { return [] }
    return rows.compactMap { row in if case .loose(let row) = row { row } else { nil } }
  }
}
