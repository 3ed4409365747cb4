import Codec
import Model
import Parsing

/// A pushed label set that has been looked at: sorted, within the limits, and with the key under which it is known however it was spelled.
public struct PushedLabels: Sendable {
  /// Names and values of one set, so that no request makes gigabytes of text by referring to one string again and again.
  public static let limitTextBytes = 256 << 10

  public let labels: Labels
  /// The same for equal label sets: that of their fields in a remote write 1.0 message, so that what comes as Prometheus writes it has only this one.
  public let key: SeriesKey
  /// Of names and values.
  public let textBytes: Int

  /// Why a label set is none: its samples or entries are left out.
  public struct Fault: Error, Sendable, Equatable {
    /// What is wrong in the same way is counted together.
    public let kind: String
    /// What, where, the numbers seen and allowed.
    public let reason: String

    public init(_ kind: String, _ reason: String) {
      self.kind = kind
      self.reason = reason
    }
  }

  /// Sorts the labels and drops those without a value. Throws when a name is empty, too long or there twice, when a value is too long, when there are too
  /// many, and, for metrics, when there is no `__name__`.
  public init(_ pushed: [Label], _ limits: PushLimits, needsName: Bool) throws(Fault) {
    let labels = try Self.sorted(pushed.contains { $0.value.isEmpty } ? pushed.filter { !$0.value.isEmpty } : pushed)
    let limitLabels = min(limits.labelsPerSeries, FormatLimits.seriesLabels)
    guard labels.count <= limitLabels else {
      throw Fault("labels", "\(Self.named(labels)): \(labels.count) labels, at most \(limitLabels)")
    }
    var textBytes = 0
    for label in labels {
      let (name, value) = (label.name.utf8.count, label.value.utf8.count)
      guard name > 0 else { throw Fault("empty name", "\(Self.named(labels)): a label with an empty name") }
      guard name <= limits.labelNameBytes else {
        throw Fault(
          "name length", "\(Self.named(labels)): a label name of \(name) bytes, at most \(limits.labelNameBytes)")
      }
      guard value <= limits.labelValueBytes else {
        throw Fault(
          "value length",
          "\(Self.named(labels)): a value of \(value) bytes for label \(Self.short(label.name)), at most \(limits.labelValueBytes)"
        )
      }
      textBytes += name + value
    }
    guard textBytes <= Self.limitTextBytes else {
      throw Fault("text", "\(Self.named(labels)): labels of \(textBytes) bytes, at most \(Self.limitTextBytes)")
    }
    if needsName, !labels.contains(where: { $0.name == Labels.metricNameLabel }) {
      throw Fault("no name", "{\(labels.prefix(3).map { Self.short($0.name) }.joined(separator: ", "))…}: no __name__")
    }
    self.labels = Labels(labels)
    self.textBytes = textBytes
    let canonical = Self.canonical(labels, textBytes)
    guard let key = KeyHash.ofProcess.key(0..<canonical.count, in: canonical.span) else {
      throw Fault("text", "\(Self.named(labels)): labels of \(canonical.count) bytes")
    }
    self.key = key
  }

  private static func sorted(_ labels: [Label]) throws(Fault) -> [Label] {
    var isSorted = true
    for (a, b) in zip(labels, labels.dropFirst()) where !a.name.precedesByBytes(b.name) { isSorted = false }
    if isSorted { return labels }
    let sorted = labels.sorted { $0.name.precedesByBytes($1.name) }
    for (a, b) in zip(sorted, sorted.dropFirst()) where a.name.hasSameBytes(as: b.name) {
      throw Fault("label twice", "\(named(labels)): label \(short(a.name)) twice")
    }
    return sorted
  }

  private static func canonical(_ labels: [Label], _ textBytes: Int) -> [UInt8] {
    var out = ByteWriter(reserving: textBytes + labels.count * 10)
    for label in labels {
      var inner = ByteWriter(reserving: label.name.utf8.count + label.value.utf8.count + 8)
      inner.byte(0x0A)
      inner.prefixed(Array(label.name.utf8))
      inner.byte(0x12)
      inner.prefixed(Array(label.value.utf8))
      out.byte(0x0A)
      out.prefixed(inner.bytes)
    }
    return out.bytes
  }

  /// For reasons, which go into answers and logs: bounded.
  private static func named(_ labels: [Label]) -> String {
    let name = labels.first { $0.name == Labels.metricNameLabel }.map { short($0.value) }
    return "series \(name ?? "without a name")"
  }

  /// By scalars, since one character may have any number of them.
  static func short(_ text: String) -> String {
    text.utf8.count <= 80 ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(80))) + "…"
  }
}
