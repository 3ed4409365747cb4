import Model

/// Which samples belong to a metric family, by their names: under `# TYPE foo histogram` also `foo_bucket`, `foo_sum` and `foo_count`.
///
/// Source: prometheus/prometheus, scrape/scrape.go (isSeriesPartOfFamily).
public enum MetricFamily {
  /// The suffixes that samples of such a family may carry.
  private static func suffixes(_ type: MetricType) -> [String] {
    switch type {
    case .counter: ["_total"]
    case .histogram: ["_bucket", "_sum", "_count"]
    case .gaugeHistogram: ["_bucket", "_gsum", "_gcount"]
    case .summary: ["_sum", "_count"]
    case .info: ["_info"]
    case .unknown, .gauge, .stateSet: []
    }
  }

  /// Whether a sample of this name belongs to the family. A counter's family may itself be called `foo_total`.
  public static func owns(_ family: String, _ type: MetricType, sample: String) -> Bool {
    guard sample.utf8.starts(with: family.utf8) else { return false }
    let suffix = sample.utf8.dropFirst(family.utf8.count)
    return suffix.isEmpty || suffixes(type).contains { $0.utf8.elementsEqual(suffix) }
  }

  /// The family that a sample belongs to: one that has the sample's own name, else one that has it without a suffix that the family's type
  /// allows. Nil when neither is known. `type` says what is known of a family, or nil.
  public static func of(sample: String, type: (String) -> MetricType?) -> String? {
    if type(sample) != nil { return sample }
    guard let underscore = sample.utf8.lastIndex(of: Byte.underscore) else { return nil }
    let family = String(sample[..<underscore])
    guard let known = type(family), suffixes(known).contains(String(sample[underscore...])) else { return nil }
    return family
  }
}
