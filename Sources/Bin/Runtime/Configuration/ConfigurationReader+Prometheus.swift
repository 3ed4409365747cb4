import Forwarders
import Foundation
import HTTP

// A forwarder of the type `prometheus`.
extension ConfigurationReader {
  func prometheusDestination(_ reader: inout MappingReader) -> PrometheusConfiguration {
    typealias Default = ConfigurationDefaults
    var prometheus = PrometheusConfiguration(url: "")
    prometheus.http = httpClient(&reader)
    if let url = reader.string("url") {
      prometheus.url = address(url, &prometheus.http)
    } else if !reader.has("url") {
      problems.report(reader.place, "a prometheus forwarder needs a url: where the receiver takes remote write")
    }
    if let timeout = reader.duration("timeout") {
      if timeout.value < Default.requestSmallestTimeout {
        problems.report(
          timeout.place, "has to be at least \(PrometheusDuration.format(Default.requestSmallestTimeout))")
      }
      prometheus.timeout = timeout.value
    }
    let range = PrometheusConfiguration.shardRange
    let wanted = "a number from \(range.lowerBound) to \(range.upperBound)"
    let shards = reader.scalar("concurrency", wanted: wanted) { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }
    prometheus.shards = shards?.value ?? prometheus.shards
    if let name = reader.string("tenant_header") {
      check(header: name.value, name.place)
      prometheus.tenantHeader = name.value
    }
    checkTenantHeader(prometheus, &reader)
    if let headers = reader.secretValue("headers") { prometheus.http.headers += self.headers(headers, prometheus) }
    prometheus.options.exemplars = reader.bool("send_exemplars") ?? prometheus.options.exemplars
    prometheus.options.nativeHistograms =
      reader.bool("send_native_histograms") ?? prometheus.options.nativeHistograms
    return prometheus
  }

  /// The URL without its credentials, which become basic authentication. No message repeats it, since it may hold some.
  private func address(_ url: Located<String>, _ http: inout HTTPConfiguration) -> String {
    guard var parts = URLComponents(string: url.value), let scheme = parts.scheme?.lowercased(),
      ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
    else {
      problems.report(url.place, "a URL is wanted here, as http://host:9090/api/v1/write or with https")
      return ""
    }
    if let port = parts.port, !(1...65_535).contains(port) {
      problems.report(url.place, "the URL's port has to be between 1 and 65535")
    }
    if parts.fragment != nil { problems.report(url.place, "a URL for requests has no part behind “#”") }
    if parts.user != nil || parts.password != nil {
      if http.authentication != nil {
        problems.report(url.place, "the URL has credentials, and another key says who the client is")
      }
      http.authentication = .basic(username: .text(parts.user ?? ""), password: parts.password.map { .text($0) })
    }
    (parts.user, parts.password) = (nil, nil)
    return parts.string ?? ""
  }

  /// A second value would stand in the tenant's place, or beside it.
  private func checkTenantHeader(_ prometheus: PrometheusConfiguration, _ reader: inout MappingReader) {
    guard let tenantHeader = prometheus.tenantHeader, let place = reader.secretValue("http_headers") else { return }
    for header in prometheus.http.headers where header.name.lowercased() == tenantHeader.lowercased() {
      problems.report(place, "“\(header.name)” is the tenant_header, which carries the tenant of the rows")
    }
  }

  private func headers(
    _ place: ConfigurationNode, _ prometheus: PrometheusConfiguration
  ) -> [HTTPHeaderSetting] {
    guard var reader = MappingReader(place, problems) else { return [] }
    var names = Set(prometheus.http.headers.map { $0.name.lowercased() })
    var headers: [HTTPHeaderSetting] = []
    for (key, name, value) in reader.texts() {
      check(header: name, key)
      let lower = name.lowercased()
      if !names.insert(lower).inserted { problems.report(key, "the header “\(name)” is set twice") }
      if lower == prometheus.tenantHeader?.lowercased() {
        problems.report(key, "“\(name)” is the tenant_header, which carries the tenant of the rows")
      }
      if lower == "authorization", prometheus.http.authentication != nil {
        problems.report(key, "there are credentials already, which are sent as this header")
      }
      // The value may be a secret.
      if !HTTPConfiguration.isHeaderValue(value) {
        problems.report(key, "the value of “\(name)” has control characters")
      }
      headers.append(.init(name: name, secrets: [.text(value)]))
    }
    return headers
  }
}
