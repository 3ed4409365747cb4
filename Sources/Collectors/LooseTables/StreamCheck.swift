import Codec
import Model
import Parsing
import Wire

/// Why a stream is not taken; for its sender.
struct StreamFault: Error, Equatable {
  let reason: String
}

/// Whether a pushed stream may be taken, as Loki has it: at least one label, each name once, names and values within limits.
struct StreamCheck {
  private let limits: PushLimits

  init(_ limits: PushLimits) { self.limits = limits }

  /// The stream's labels with the key of their canonical text.
  func series(
    _ identity: LokiPush.Identity, spelling: SeriesKey?, _ hash: KeyHash
  ) throws(StreamFault) -> NewSeries {
    let labels = try labels(identity)
    try check(labels)
    let text = LokiLabels.text(of: labels, keepingTenant: true)
    guard let key = hash.key(0..<text.count, in: text.span) else {
      throw StreamFault(reason: "a stream's labels have \(text.count) bytes, at most \(SeriesKey.limitBytes)")
    }
    return NewSeries(key: key, spelling: spelling, series: Series(labels), textBytes: text.count)
  }

  private func labels(_ identity: LokiPush.Identity) throws(StreamFault) -> Labels {
    // Before anything is made of it: a label takes five bytes of text and some hundred of memory. And a stream has to fit a table, or its group would have none.
    let bytes =
      switch identity {
      case .text(let text): text.count
      case .pairs(let pairs): pairs.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
      }
    guard bytes <= PushedLabels.limitTextBytes else {
      throw StreamFault(reason: "a stream's labels have \(bytes) bytes, at most \(PushedLabels.limitTextBytes)")
    }
    switch identity {
    case .text(let text):
      do throws(WireError) {
        return try LokiLabels.parse(text)
      } catch {
        throw StreamFault(reason: "\(error): \(Self.excerpt(text))")
      }
    case .pairs(let pairs): return Labels(Labels(pairs).pairs.filter { !$0.value.isEmpty })
    }
  }

  private func check(_ labels: Labels) throws(StreamFault) {
    guard !labels.pairs.isEmpty else { throw StreamFault(reason: "a stream needs at least one label") }
    let limitLabels = min(limits.labelsPerSeries, FormatLimits.seriesLabels)
    guard labels.pairs.count <= limitLabels else {
      throw StreamFault(reason: "a stream has \(labels.pairs.count) labels, at most \(limitLabels)")
    }
    for label in labels.pairs {
      if label.name.isEmpty { throw StreamFault(reason: "a stream has a label without a name") }
      if let fault = LabelCheck.fault(of: label, limits) { throw StreamFault(reason: "stream: \(fault)") }
    }
  }

  private static func excerpt(_ text: [UInt8]) -> String {
    PushedLabels.short(String(decoding: text.prefix(400), as: UTF8.self))
  }
}

/// Whether one entry of a good stream may be taken.
struct EntryCheck {
  /// Of a line with its structured metadata: an entry is a row, and has to fit a block even when nothing of it can be compressed. One that does not would have
  /// its whole push refused.
  static let limitBytes = LooseRowBuilder.limitBytes
  private static let labelBytes = 32

  private let limits: PushLimits
  private let lineBytes: Int

  init(_ limits: PushLimits) {
    self.limits = limits
    lineBytes = min(limits.lineBytes, Self.limitBytes)
  }

  func fault(of entry: LogEntry) -> String? {
    guard entry.line.count <= lineBytes else {
      return "a line is longer than \(lineBytes) bytes"
    }
    guard !entry.structuredMetadata.isEmpty else { return nil }
    guard entry.structuredMetadata.count <= limits.labelsPerSeries else {
      return "structured metadata: more than \(limits.labelsPerSeries) labels"
    }
    var bytes = entry.line.count
    for label in entry.structuredMetadata {
      if let fault = LabelCheck.fault(of: label, limits) { return "structured metadata: \(fault)" }
      bytes += label.name.utf8.count + label.value.utf8.count + Self.labelBytes
    }
    guard bytes <= Self.limitBytes else {
      return "a line and its structured metadata take more than \(Self.limitBytes) bytes"
    }
    return nil
  }
}

enum LabelCheck {
  static func fault(of label: Label, _ limits: PushLimits) -> String? {
    let name = label.name.utf8.count
    let value = label.value.utf8.count
    if name > limits.labelNameBytes { return "a label's name has \(name) bytes, at most \(limits.labelNameBytes)" }
    if value > limits.labelValueBytes {
      return
        "the label “\(PushedLabels.short(label.name))” has a value of \(value) bytes, at most \(limits.labelValueBytes)"
    }
    return nil
  }
}

/// What was left out, by reason, with a bound on how many reasons are told apart.
struct EntryRejections {
  static let limitReasons = 16
  private(set) var all: [Push.Rejection] = []
  private var places: [String: Int] = [:]

  mutating func add(_ reason: String, count: Int, isTemporary: Bool = false) {
    let known = places[reason] ?? (all.count < Self.limitReasons ? nil : places[other(isTemporary)])
    if let known {
      all[known].count += count
    } else {
      let told = all.count < Self.limitReasons ? reason : other(isTemporary)
      places[told] = all.count
      all.append(Push.Rejection(isTemporary: isTemporary, reason: told, count: count))
    }
  }

  private func other(_ isTemporary: Bool) -> String {
    isTemporary ? "for other reasons that pass" : "for other reasons"
  }
}
