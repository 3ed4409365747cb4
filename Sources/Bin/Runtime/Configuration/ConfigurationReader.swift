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
    let gateway = reader.has("gateway") ? reader.value("gateway").map(gateway) ?? ConfigurationDefaults.gateway : nil
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
      externalLabels: global.externalLabels, scrapeJobs: jobs, gateway: gateway, log: log, forwarders: forwarders)
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
}
