import Model
import Yams

/// Turns the document into a `Configuration`, one function a section.
struct ConfigurationReader {
  let problems: ProblemList
  let folder: String
  let environment: [String: String]

  /// Nil only when the document is no mapping; for everything else a stand-in takes the place of what is wrong.
  func document(_ place: ConfigurationNode) -> Configuration? {
    guard var reader = MappingReader(place, problems) else { return nil }
    let global = global(reader.value("global"))
    var jobs: [ScrapeJobSettings] = []
    var jobPlaces: [String: Int] = [:]
    for element in reader.list("scrape_configs") ?? [] {
      guard let job = scrapeJob(element, global) else { continue }
      if let earlier = jobPlaces[job.name] {
        problems.report(element, "the job name “\(job.name)” stands in line \(earlier) already; each needs its own")
      }
      jobPlaces[job.name] = element.node.mark?.line ?? 0
      jobs.append(job)
    }
    let log = log(reader.value("wal"))
    var forwarders: [ForwarderSettings] = []
    var forwarderPlaces: [String: Int] = [:]
    var owners = [(name: "the log", directory: log.directory)]
    for element in reader.list("forwarders") ?? [] {
      guard let (forwarder, folder) = forwarder(element) else { continue }
      if let folder {
        owners.append(("the forwarder “\(forwarder.name)”", folder.value))
        rejectSharedDirectories(owners, folder.place)
      }
      if let earlier = forwarderPlaces[forwarder.name] {
        problems.report(
          element, "the forwarder name “\(forwarder.name)” stands in line \(earlier) already; each needs its own")
      }
      forwarderPlaces[forwarder.name] = element.node.mark?.line ?? 0
      forwarders.append(forwarder)
    }
    reader.finish(prometheusHas: PrometheusKeys.document)
    return Configuration(
      externalLabels: global.externalLabels, scrapeJobs: jobs, log: log, forwarders: forwarders)
  }

  /// Each folder has one owner, and none lies in another's: the log removes, and forwarders cut back, what is theirs.
  private func rejectSharedDirectories(_ owners: [(name: String, directory: String)], _ place: ConfigurationNode) {
    guard let last = owners.last else { return }
    let mine = last.directory.hasSuffix("/") ? last.directory : last.directory + "/"
    for owner in owners.dropLast() {
      let theirs = owner.directory.hasSuffix("/") ? owner.directory : owner.directory + "/"
      if mine.hasPrefix(theirs) || theirs.hasPrefix(mine) {
        problems.report(
          place, "\(last.directory) and \(owner.directory), the folder of \(owner.name), may not lie in each other")
        return
      }
    }
  }

  // MARK: global

  struct Global {
    var interval = ConfigurationDefaults.scrapeInterval
    var timeout = ConfigurationDefaults.scrapeTimeout
    var externalLabels: [Label] = []
  }

  private func global(_ place: ConfigurationNode?) -> Global {
    var global = Global()
    guard let place, var reader = MappingReader(place, problems) else { return global }
    let interval = reader.duration("scrape_interval").positive
    let timeout = reader.duration("scrape_timeout").positive
    global.interval = interval?.value ?? global.interval
    global.timeout = timeout?.value ?? min(global.timeout, global.interval)
    if let timeout { checkTimeout(timeout, against: global.interval) }
    if let labels = reader.value("external_labels") {
      global.externalLabels = self.labels(labels, expanding: true)
    }
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

  /// The label names' rule is Prometheus 3's: any text but the empty one.
  private func labels(_ place: ConfigurationNode, expanding: Bool) -> [Label] {
    guard var reader = MappingReader(place, problems) else { return [] }
    let labels = reader.texts().compactMap { entry -> Label? in
      if entry.name.isEmpty {
        problems.report(entry.key, "a label needs a name")
        return nil
      }
      if entry.name == Labels.metricNameLabel {
        problems.report(entry.key, "the label \(entry.name) is the metric's name and cannot be set here")
        return nil
      }
      if !expanding, entry.name.hasPrefix("__") {
        problems.report(
          entry.key, "labels that begin with two underscores steer the scrape; this version does not support them yet",
          kind: .notSupportedYet)
        return nil
      }
      let value = expanding ? EnvironmentExpansion.expand(entry.value, environment) : entry.value
      // An empty value says the same as no label.
      return value.isEmpty ? nil : Label(entry.name, value)
    }
    return Labels(labels).pairs
  }

  // MARK: scrape_configs

  private func scrapeJob(_ place: ConfigurationNode, _ global: Global) -> ScrapeJobSettings? {
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
    let targets = (reader.list("static_configs") ?? []).flatMap(staticGroup)
    reader.finish(prometheusHas: PrometheusKeys.scrapeConfig)
    return ScrapeJobSettings(
      name: name?.value ?? "", interval: interval, timeout: timeout?.value ?? min(global.timeout, interval),
      targets: targets)
  }

  private func staticGroup(_ place: ConfigurationNode) -> [ScrapeJobSettings.StaticTarget] {
    if place.isNull {
      problems.report(place, "an empty element")
      return []
    }
    guard var reader = MappingReader(place, problems) else { return [] }
    let labels = reader.value("labels").map { self.labels($0, expanding: false) } ?? []
    let targets = (reader.list("targets") ?? []).compactMap { place -> ScrapeJobSettings.StaticTarget? in
      guard case .scalar(let scalar) = place.node, !place.isNull, !scalar.string.isEmpty else {
        problems.report(place, "a target is wanted here (host:port), not \(place.kind)")
        return nil
      }
      if let fault = TargetAddress.fault(scalar.string) {
        problems.report(place, "“\(scalar.string)” is not a target: \(fault)")
        return nil
      }
      return .init(address: scalar.string, labels: labels)
    }
    reader.finish()
    return targets
  }
}

extension Located<Duration>? {
  /// Prometheus takes a zero for a value that is not set.
  fileprivate var positive: Located<Duration>? { flatMap { $0.value > .zero ? $0 : nil } }
}
