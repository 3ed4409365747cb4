import Foundation
import Model

// The sections that Prometheus does not have: `wal` and `forwarders`.
extension ConfigurationReader {
  func log(_ place: ConfigurationNode?) -> LogSettings {
    typealias Default = ConfigurationDefaults
    var log = LogSettings(
      directory: absolute(Default.logDirectory), maxSize: Default.logMaxSize, maxAge: Default.logMaxAge,
      whenFull: .dropOldest, commitInterval: Default.commitInterval, keepDelivered: Default.keepDelivered,
      orphanHold: Default.orphanHold, dedupeWindow: Default.dedupeWindow)
    guard let place, var reader = MappingReader(place, problems) else { return log }
    if let directory = path(&reader, "directory") { log.directory = directory.value }
    if let size = reader.size("max_size") {
      if size.value < Default.logSmallestMaxSize {
        problems.report(size.place, "\(size.value) is too little; at least \(Default.logSmallestMaxSize)")
      }
      log.maxSize = size.value
    }
    if let age = reader.duration("max_age")?.value { log.maxAge = age == .zero ? nil : age }
    log.whenFull = choice(&reader, "when_full") ?? log.whenFull
    if let interval = reader.duration("commit_interval") {
      let range = Default.commitIntervalRange
      if !range.contains(interval.value) {
        problems.report(
          interval.place,
          "has to be between \(PrometheusDuration.format(range.lowerBound)) and "
            + PrometheusDuration.format(range.upperBound))
      }
      log.commitInterval = interval.value
    }
    log.keepDelivered = reader.duration("keep_delivered")?.value ?? log.keepDelivered
    log.orphanHold = reader.duration("orphan_hold")?.value ?? log.orphanHold
    log.dedupeWindow = reader.duration("dedupe_window")?.value ?? log.dedupeWindow
    reader.finish()
    return log
  }

  /// The forwarder, and the folder that it alone writes to, where its type has one.
  func forwarder(_ place: ConfigurationNode) -> (ForwarderSettings, folder: Located<String>?)? {
    if place.isNull {
      problems.report(place, "an empty element")
      return nil
    }
    guard var reader = MappingReader(place, problems) else { return nil }
    let name = reader.string("name")
    if let name {
      if let fault = fault(ofName: name.value) { problems.report(name.place, "“\(name.value)”: \(fault)") }
    } else {
      problems.report(place, "a forwarder needs a name; its place in the log is kept under it")
    }
    let start = reader.scalar("start", wanted: "oldest, newest or a time as 2026-01-31T12:00:00Z") { text in
      switch text {
      case "oldest": ForwarderSettings.Start.oldest
      case "newest": .newest
      default: RFC3339.parse(text).map { .time($0) }
      }
    }
    let delivery = delivery(&reader)
    let type = reader.string("type")
    guard let type else {
      if !reader.has("type") {
        problems.report(place, "a forwarder needs a type; this version has: \(Self.forwarderTypes)")
      }
      return nil
    }
    let destination: ForwarderSettings.Destination
    var folder: Located<String>?
    switch type.value {
    case "file":
      let (file, itsFolder) = fileDestination(&reader)
      destination = .file(file)
      folder = itsFolder
    case "prometheus": destination = .prometheus(prometheusDestination(&reader))
    case "loki": destination = .loki(lokiDestination(&reader))
    case "gateway": destination = .gateway(gatewayDestination(&reader, name: name?.value ?? ""))
    default:
      problems.report(
        type.place, "“\(type.value)” is not a type that this version has; it has: \(Self.forwarderTypes)")
      return nil
    }
    reader.finish(prometheusHas: type.value == "file" ? [] : PrometheusKeys.httpClient)
    let settings = ForwarderSettings(
      name: name?.value ?? "", start: start?.value ?? .oldest, delivery: delivery, destination: destination)
    return (settings, folder)
  }

  private func delivery(_ reader: inout MappingReader) -> ForwarderSettings.DeliverySettings {
    typealias Default = ConfigurationDefaults
    var delivery = ForwarderSettings.DeliverySettings(
      maxBackoff: Default.maxBackoff, maxBytesPerSecond: nil, maxRequestsPerSecond: nil, refusals: .split)
    if let backoff = reader.duration("max_backoff") {
      if !Default.maxBackoffRange.contains(backoff.value) {
        problems.report(
          backoff.place,
          "has to be between \(PrometheusDuration.format(Default.maxBackoffRange.lowerBound)) and "
            + PrometheusDuration.format(Default.maxBackoffRange.upperBound))
      }
      delivery.maxBackoff = backoff.value
    }
    if let bytes = reader.size("max_bytes_per_second"), bytes.value.bytes > 0 {
      delivery.maxBytesPerSecond = bytes.value
    }
    let requests = reader.scalar("max_requests_per_second", wanted: "a number from 0.001 to 1000000, for example 0.5") {
      text in
      Double(text).flatMap { (0.001...1_000_000).contains($0) || $0 == 0 ? $0 : nil }
    }
    // As everywhere, a zero sets nothing.
    if let requests, requests.value > 0 { delivery.maxRequestsPerSecond = requests.value }
    delivery.refusals = choice(&reader, "refusals") ?? delivery.refusals
    return delivery
  }

  private static let forwarderTypes = "file, prometheus, loki, gateway"

  private func fileDestination(
    _ reader: inout MappingReader
  ) -> (ForwarderSettings.FileDestination, folder: Located<String>?) {
    typealias Default = ConfigurationDefaults
    var file = ForwarderSettings.FileDestination(
      directory: "", maxFileSize: Default.fileMaxSize, maxFileAge: Default.fileMaxAge, compression: .none)
    let folder = path(&reader, "path")
    if let folder {
      file.directory = folder.value
    } else {
      problems.report(reader.place, "a file forwarder needs a path: the folder for its files")
    }
    if let size = reader.size("max_file_size") {
      if size.value < Default.fileSmallestMaxSize {
        problems.report(size.place, "\(size.value) is too little; at least \(Default.fileSmallestMaxSize)")
      }
      file.maxFileSize = size.value
    }
    if let age = reader.duration("max_file_age") {
      if age.value < Default.fileSmallestMaxAge { problems.report(age.place, "at least 1s") }
      file.maxFileAge = age.value
    }
    file.compression = choice(&reader, "compression") ?? file.compression
    return (file, folder)
  }

  func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ reader: inout MappingReader, _ key: String
  ) -> Value? {
    let wanted = Value.allCases.map(\.rawValue).joined(separator: " or ")
    return reader.scalar(key, wanted: wanted, Value.init(rawValue:))?.value
  }

  func path(_ reader: inout MappingReader, _ key: String) -> Located<String>? {
    guard let text = reader.string(key) else { return nil }
    if text.value.isEmpty || text.value.utf8.contains(0) {
      problems.report(text.place, "a path is wanted here")
      return nil
    }
    return Located(absolute(text.value), text.place)
  }

  func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: folder, isDirectory: true)).standardizedFileURL.path
  }

  private func fault(ofName name: String) -> String? {
    if name.isEmpty { return "a forwarder needs a name" }
    let limit = ConfigurationDefaults.nameLimitBytes
    if name.utf8.count > limit { return "a name has at most \(limit) bytes, this one has \(name.utf8.count)" }
    let allowed = name.utf8.allSatisfy {
      ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a) || [0x2d, 0x2e, 0x5f].contains($0)
    }
    return allowed && name.first != "." ? nil : "a name has letters, digits, “-”, “_” and “.” only, the “.” not first"
  }
}
