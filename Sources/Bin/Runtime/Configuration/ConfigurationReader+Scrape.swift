import Model
import Yams

// Prometheus' own sections: `global` and `scrape_configs`.
extension ConfigurationReader {
  struct Global {
    var interval = ConfigurationDefaults.scrapeInterval
    var timeout = ConfigurationDefaults.scrapeTimeout
    var externalLabels: [Label] = []
    var limits = ScrapeJobSettings.Limits()
    var staleOnStop = true
  }

  func global(_ place: ConfigurationNode?) -> Global {
    var global = Global()
    guard let place, var reader = MappingReader(place, problems) else { return global }
    let interval = reader.duration("scrape_interval").positive
    let timeout = reader.duration("scrape_timeout").positive
    global.interval = interval?.value ?? global.interval
    global.timeout = timeout?.value ?? min(global.timeout, global.interval)
    if let timeout { checkTimeout(timeout, against: global.interval) }
    if let labels = reader.value("external_labels") { global.externalLabels = externalLabels(labels) }
    global.limits = limits(&reader, global.limits)
    global.staleOnStop = reader.bool("stale_on_stop") ?? global.staleOnStop
    reader.finish(prometheusHas: PrometheusKeys.global)
    return global
  }

  private func checkTimeout(_ timeout: Located<Duration>, against interval: Duration) {
    if timeout.value > interval {
      problems.report(
        timeout.place,
        "a timeout of \(PrometheusDuration.format(timeout.value)) is longer than the interval of "
          + PrometheusDuration.format(interval))
    }
  }

  private func externalLabels(_ place: ConfigurationNode) -> [Label] {
    guard var reader = MappingReader(place, problems) else { return [] }
    let labels = reader.texts().compactMap { entry -> Label? in
      guard isLabelName(entry.name, entry.key) else { return nil }
      let value = EnvironmentExpansion.expand(entry.value, environment)
      // An empty value says the same as no label.
      return value.isEmpty ? nil : Label(entry.name, value)
    }
    return Labels(labels).pairs
  }

  /// The label names' rule is Prometheus 3's: any text but the empty one.
  private func isLabelName(_ name: String, _ place: ConfigurationNode) -> Bool {
    if name.isEmpty {
      problems.report(place, "a label needs a name")
      return false
    }
    if name == Labels.metricNameLabel {
      problems.report(place, "the label \(name) is the metric's name and cannot be set here")
      return false
    }
    return true
  }

  /// As in Prometheus, a 0 leaves what holds for all jobs.
  private func limits(
    _ reader: inout MappingReader, _ inherited: ScrapeJobSettings.Limits
  ) -> ScrapeJobSettings.Limits {
    var limits = inherited
    func set(_ field: WritableKeyPath<ScrapeJobSettings.Limits, Int>, _ key: String) {
      if let count = reader.count(key), count.value > 0 { limits[keyPath: field] = count.value }
    }
    set(\.samples, "sample_limit")
    set(\.labels, "label_limit")
    set(\.labelNameBytes, "label_name_length_limit")
    set(\.labelValueBytes, "label_value_length_limit")
    let size = reader.scalar(
      "body_size_limit", wanted: "a size (for example 10MB or 512KiB)", ByteSize.init(parsingAsPrometheus:))
    if let size, size.value.bytes > 0 { limits.body = size.value }
    return limits
  }

  // MARK: scrape_configs

  func scrapeJob(_ place: ConfigurationNode, _ global: Global) -> ScrapeJobSettings? {
    if place.isNull {
      problems.report(place, "an empty element")
      return nil
    }
    guard var reader = MappingReader(place, problems) else { return nil }
    let name = reader.string("job_name")
    if name?.value.isEmpty ?? true { problems.report(name?.place ?? place, "a job needs a name (job_name)") }
    let interval = reader.duration("scrape_interval").positive?.value ?? global.interval
    let timeout = reader.duration("scrape_timeout").positive
    if let timeout { checkTimeout(timeout, against: interval) }
    var job = ScrapeJobSettings(
      name: name?.value ?? "", interval: interval, timeout: timeout?.value ?? min(global.timeout, interval),
      targets: [])
    if let scheme = reader.scalar("scheme", wanted: "http or https", Self.scheme) { job.scheme = scheme.value }
    if let path = reader.string("metrics_path"), !path.value.isEmpty { job.metricsPath = path.value }
    if let params = reader.value("params") { job.params = parameters(params) }
    job.honorLabels = reader.bool("honor_labels") ?? job.honorLabels
    job.honorTimestamps = reader.bool("honor_timestamps") ?? job.honorTimestamps
    job.compression = reader.bool("enable_compression") ?? job.compression
    job.limits = limits(&reader, global.limits)
    job.staleOnStop = reader.bool("stale_on_stop") ?? global.staleOnStop
    job.http = httpClient(&reader)
    let groups = reader.list("static_configs") ?? []
    job.targets = groups.flatMap { staticGroup($0, of: job) }
    reader.finish(prometheusHas: PrometheusKeys.scrapeConfig)
    return job
  }

  private static func scheme(_ text: String) -> String? { text == "http" || text == "https" ? text : nil }

  private func parameters(_ place: ConfigurationNode) -> [String: [String]] {
    guard let reader = MappingReader(place, problems) else { return [:] }
    var parameters: [String: [String]] = [:]
    for (_, name, value) in reader.values() {
      guard case .sequence(let sequence) = value.node else {
        problems.report(value, "a list of texts is wanted here, not \(value.kind)")
        continue
      }
      parameters[name] = sequence.enumerated().compactMap { at, node in
        ConfigurationNode(node: node, path: "\(value.path)[\(at)]").text(problems)?.value
      }
    }
    return parameters
  }

  private func staticGroup(_ place: ConfigurationNode, of job: ScrapeJobSettings) -> [ScrapeJobSettings.StaticTarget] {
    if place.isNull {
      problems.report(place, "an empty element")
      return []
    }
    guard var reader = MappingReader(place, problems) else { return [] }
    let group = reader.value("labels").map { groupLabels($0, of: job) }
    let targets = (reader.list("targets") ?? []).compactMap { place -> ScrapeJobSettings.StaticTarget? in
      guard case .scalar(let scalar) = place.node, !place.isNull, !scalar.string.isEmpty else {
        problems.report(place, "a target is wanted here (host:port), not \(place.kind)")
        return nil
      }
      if let fault = TargetAddress.fault(scalar.string) {
        problems.report(place, "“\(scalar.string)” is not a target: \(fault)")
        return nil
      }
      return .init(
        address: scalar.string, labels: group?.labels ?? [], interval: group?.interval, timeout: group?.timeout)
    }
    reader.finish()
    return targets
  }

  /// The labels of a group, and what `__scrape_interval__` and `__scrape_timeout__` among them say. The others with two underscores that steer the scrape
  /// stay among the labels.
  private func groupLabels(
    _ place: ConfigurationNode, of job: ScrapeJobSettings
  ) -> (labels: [Label], interval: Duration?, timeout: Duration?) {
    guard var reader = MappingReader(place, problems) else { return ([], nil, nil) }
    let interval = reader.scalar("__scrape_interval__", wanted: "a duration", PrometheusDuration.parse)
    let timeout = reader.scalar("__scrape_timeout__", wanted: "a duration", PrometheusDuration.parse)
    for duration in [interval, timeout] where duration?.value == .zero {
      if let duration { problems.report(duration.place, "it cannot be 0") }
    }
    if interval != nil || timeout != nil {
      let blamed = timeout ?? interval.map { Located(job.timeout, $0.place) }
      if let blamed { checkTimeout(blamed, against: interval?.value ?? job.interval) }
    }
    let labels = reader.texts().compactMap { entry -> Label? in
      guard isLabelName(entry.name, entry.key) else { return nil }
      switch entry.name {
      case "__scrape_interval__", "__scrape_timeout__": return nil
      case "__scheme__":
        if Self.scheme(entry.value) == nil { problems.report(entry.key, "“\(entry.value)” is not http or https") }
      case "__metrics_path__": break
      case "__address__":
        problems.report(entry.key, "the addresses stand in targets")
        return nil
      case _ where entry.name.hasPrefix("__param_"): break
      case _ where entry.name.hasPrefix("__"):
        problems.report(
          entry.key, "this label serves relabelling only, which this version does not support yet",
          kind: .notSupportedYet)
        return nil
      default: break
      }
      return entry.value.isEmpty ? nil : Label(entry.name, entry.value)
    }
    return (Labels(labels).pairs, interval?.value, timeout?.value)
  }
}

extension Located<Duration>? {
  /// Prometheus takes a zero for a value that is not set.
  fileprivate var positive: Located<Duration>? { flatMap { $0.value > .zero ? $0 : nil } }
}
