import Model

/// What a scrape may have at most; one that has more fails as a whole, as in Prometheus. 0 is no limit.
package struct ScrapeLimits: Sendable, Equatable {
  package var samples: Int
  /// Of a series, with the metric's name and the target's labels, without external ones.
  package var labels: Int
  package var labelNameBytes: Int
  package var labelValueBytes: Int

  package init(samples: Int = 0, labels: Int = 0, labelNameBytes: Int = 0, labelValueBytes: Int = 0) {
    self.samples = samples
    self.labels = labels
    self.labelNameBytes = labelNameBytes
    self.labelValueBytes = labelValueBytes
  }

  var sampleCount: Int { samples == 0 ? .max : samples }

  func check(samples count: Int) throws(ScrapeLimitError) {
    if count > sampleCount { throw ScrapeLimitError("the answer has \(count) samples, the limit is \(samples)") }
  }

  /// Called for a series that is new, so that known ones cost nothing.
  func check(_ series: [Label]) throws(ScrapeLimitError) {
    guard labels > 0 || labelNameBytes > 0 || labelValueBytes > 0 else { return }
    let metric = series.first { $0.name == Labels.metricNameLabel }?.value ?? ""
    let present = series.filter { !$0.value.isEmpty }
    if labels > 0, present.count > labels {
      throw ScrapeLimitError("a series of \(Self.short(metric)) has \(present.count) labels, the limit is \(labels)")
    }
    for label in present {
      let place = "\(Self.short(label.name)) of \(Self.short(metric))"
      if labelNameBytes > 0, label.name.utf8.count > labelNameBytes {
        throw ScrapeLimitError(
          "the name of the label \(place) has \(label.name.utf8.count) bytes, the limit is \(labelNameBytes)")
      }
      if labelValueBytes > 0, label.value.utf8.count > labelValueBytes {
        throw ScrapeLimitError(
          "the value of the label \(place) has \(label.value.utf8.count) bytes, the limit is \(labelValueBytes)")
      }
    }
  }

  private static func short(_ text: String) -> String { text.count > 50 ? "\(text.prefix(50))…" : text }
}

/// What exceeds a limit, with the figures. The next scrape may not.
package struct ScrapeLimitError: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
