import Codec
import LooseTables
import Model

/// What became of a push of which something was taken.
struct PushAnswer: Sendable {
  var written = Push.Counts()
  /// Nil: all of it was. Otherwise what the sender is told, who may send the rest again or not.
  var partial: Refusal?
  var isSomethingStored = true

  /// For figures.
  var outcome: String {
    guard let partial else { return "stored" }
    return isSomethingStored ? "partly_stored" : partial.kind.rawValue
  }
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
    let push: Push
    do throws(PushError) {
      // The original's batches name a tenant themselves, but not against the sender's credentials.
      push = try reader.read(
        body, as: form, tenant: sender.tenant ?? tenant, isTenantFixed: sender.tenant != nil)
    } catch {
      throw Refusal(error)
    }
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
    return PushAnswer(
      written: written, partial: Self.partial(rejected, isRestStored: entries > 0), isSomethingStored: entries > 0)
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

  /// Only a push of which nothing was stored is asked for again: the same rows would be stored with each try, and a sender that is over its number
  /// of series tries for as long as it is.
  private static func partial(_ rejected: [Push.Rejection], isRestStored: Bool) -> Refusal? {
    guard !rejected.isEmpty else { return nil }
    let texts = rejected.prefix(8).map { "\($0.count) left out: \($0.reason)" }.joined(separator: "; ")
    if !isRestStored, rejected.contains(where: \.isTemporary) {
      return Refusal(.tooMuch, "\(texts); it may be taken later", retryAfter: .seconds(5))
    }
    return Refusal(
      .invalid, "\(texts);\(isRestStored ? " the rest is stored;" : "") sending it again does not help")
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
