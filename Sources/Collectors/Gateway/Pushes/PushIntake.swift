import Codec
import LooseTables
import Model

/// What became of a push of which something was taken.
struct PushAnswer: Sendable {
  var written = Push.Counts()
  /// Nil: all of it was. Otherwise what the sender is told, who may send the rest again or not.
  var partial: Refusal?
}

/// Takes a pushed body: makes rows of it and stores them.
struct PushIntake: Sendable {
  let reader: any PushReader
  let sink: any Sink
  let counting: GatewayCounting
  let health: LogHealth

  /// Returns when what was taken is durable.
  func take(_ body: [UInt8], as form: PushForm, tenant: Tenant, from sender: Sender) async throws(Refusal) -> PushAnswer
  {
    var push: Push
    do throws(PushError) {
      push = try reader.read(body, as: form, tenant: tenant)
    } catch {
      throw Refusal(error)
    }
    // The original's batches name a tenant themselves, but not against the sender's credentials.
    if let fixed = sender.tenant { push.rows?.tenant = fixed }
    let entries = push.written.samples + push.written.histograms + push.written.exemplars + push.written.entries
    if let rows = push.rows, rows.rowCount > 0 {
      if let pause = sender.record.take(entries: entries) { throw sender.record.tooMuch("entries", pause) }
      try await store(rows)
      sender.record.stored(rows: rows.rowCount, entries: entries)
    }
    let written = push.written
    let rejected = push.rejected
    let rowCount = push.rows?.rowCount ?? 0
    counting.update { counters in
      counters.rows += UInt64(rowCount)
      counters.samples += UInt64(written.samples)
      counters.histograms += UInt64(written.histograms)
      counters.exemplars += UInt64(written.exemplars)
      counters.logEntries += UInt64(written.entries)
      counters.rejectedEntries += UInt64(rejected.reduce(0) { $0 + $1.count })
    }
    return PushAnswer(written: written, partial: Self.partial(rejected))
  }

  private func store(_ rows: RowBatch) async throws(Refusal) {
    let acceptance: Acceptance
    do {
      acceptance = try await sink.append(rows, positions: [])
    } catch {
      health.failed()
      throw Refusal(.unavailable, "the log: \(error); it may be sent again", retryAfter: .seconds(1))
    }
    switch acceptance {
    case .accepted: health.stored()
    case .full:
      health.failed()
      throw Refusal(.unavailable, "the log is full; it may be sent again later", retryAfter: .seconds(5))
    case .refused(let reason): throw Refusal(.invalid, "\(reason); sending it again does not help")
    }
  }

  /// Some of it may be taken later: then all of it may come again, for what is there already does no harm to a database.
  private static func partial(_ rejected: [Push.Rejection]) -> Refusal? {
    guard !rejected.isEmpty else { return nil }
    let texts = rejected.prefix(8).map { "\($0.count) left out: \($0.reason)" }.joined(separator: "; ")
    if rejected.contains(where: \.isTemporary) {
      return Refusal(
        .tooMuch, "\(texts); the rest is stored; what was left out may be taken later", retryAfter: .seconds(5))
    }
    return Refusal(.invalid, "\(texts); the rest is stored; sending it again does not help")
  }
}

extension Refusal {
  init(_ error: PushError) {
    switch error {
    case .invalid(let text): self.init(.invalid, text)
    case .tooLarge(let text): self.init(.tooLarge, text)
    case .tooManySeries(let text): self.init(.tooMuch, text, retryAfter: .seconds(60))
    }
  }
}
