import Model

/// The labels under which a target's samples are stored: the scraped ones, the target's, and the external ones.
///
/// Source: prometheus/prometheus, scrape/scrape.go (mutateSampleLabels, mutateReportSampleLabels, resolveConflictingExposedLabels);
/// external labels as in storage/remote/queue_manager.go (processExternalLabels).
package struct SampleLabels: Sendable {
  /// With `__name__` or any other label that the target has for its series, such as `job` and `instance`.
  let target: [Label]
  /// Added where a series has none of that name.
  let external: [Label]
  /// Whether a scraped label beats the target's label of the same name. Otherwise it is kept as `exported_<name>`.
  let honorLabels: Bool

  package init(target: [Label], external: [Label], honorLabels: Bool) {
    self.target = target
    self.external = external
    self.honorLabels = honorLabels
  }

  static let exportedPrefix = "exported_"

  /// A scraped label with an empty value is as good as absent, except that with `honorLabels` it keeps the target's away.
  package func stored(_ scraped: [Label]) -> Labels { complete(merged(scraped)) }

  /// The scraped labels and the target's, in no order; empty values may be among them.
  func merged(_ scraped: [Label]) -> [Label] {
    var labels: [Label] = []
    labels.reserveCapacity(scraped.count + target.count + external.count)
    if honorLabels {
      for label in target where !scraped.contains(where: { $0.name == label.name }) { labels.append(label) }
      labels += scraped
    } else {
      // Nearly always there is no conflict, so the scraped labels are taken as they are and only conflicts cost more.
      var conflicts: [Label] = []
      for label in scraped {
        if target.contains(where: { $0.name == label.name }) {
          if !label.value.isEmpty { conflicts.append(label) }
        } else {
          labels.append(label)
        }
      }
      labels += target
      if !conflicts.isEmpty { Self.rename(conflicts, into: &labels) }
    }
    return labels
  }

  /// What `merged` gives, with the external labels.
  func complete(_ merged: [Label]) -> Labels {
    var labels = merged
    addExternal(to: &labels)
    labels.removeAll { $0.value.isEmpty }
    return Labels(labels)
  }

  /// The labels of a series about the scrape itself, such as `up`.
  func report(_ name: String) -> Labels {
    var labels = [Label(Labels.metricNameLabel, name)]
    labels += target.filter { $0.name != Labels.metricNameLabel }
    addExternal(to: &labels)
    labels.removeAll { $0.value.isEmpty }
    return Labels(labels)
  }

  /// The shortest name goes first, so that `exported_a` does not take the name which `a` needs.
  private static func rename(_ conflicts: [Label], into labels: inout [Label]) {
    let byLength = conflicts.enumerated().sorted {
      ($0.element.name.utf8.count, $0.offset) < ($1.element.name.utf8.count, $1.offset)
    }
    for (_, label) in byLength {
      var name = exportedPrefix + label.name
      while labels.contains(where: { $0.name == name && !$0.value.isEmpty }) { name = exportedPrefix + name }
      labels.removeAll { $0.name == name }
      labels.append(Label(name, label.value))
    }
  }

  private func addExternal(to labels: inout [Label]) {
    for label in external where !labels.contains(where: { $0.name == label.name && !$0.value.isEmpty }) {
      labels.append(label)
    }
  }
}
