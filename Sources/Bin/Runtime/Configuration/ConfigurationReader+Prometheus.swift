import Forwarders
import HTTP

// A forwarder of the type `prometheus`.
extension ConfigurationReader {
  func prometheusDestination(_ reader: inout MappingReader) -> PrometheusConfiguration {
    typealias Default = ConfigurationDefaults
    var prometheus = PrometheusConfiguration(url: "")
    prometheus.http = httpClient(&reader)
    if let url = reader.string("url") {
      prometheus.url = address(url, &prometheus.http, example: "http://host:9090/api/v1/write")
    } else if !reader.has("url") {
      problems.report(reader.place, "a prometheus forwarder needs a url: where the receiver takes remote write")
    }
    prometheus.timeout = requestTimeout(&reader) ?? prometheus.timeout
    prometheus.shards = concurrency(&reader, PrometheusConfiguration.shardRange) ?? prometheus.shards
    if let name = reader.string("tenant_header") {
      check(header: name.value, name.place)
      prometheus.tenantHeader = name.value
    }
    checkTenantHeader(prometheus.tenantHeader, prometheus.http, &reader)
    if let headers = reader.secretValue("headers") {
      prometheus.http.headers += self.headers(headers, prometheus.http, tenantHeader: prometheus.tenantHeader)
    }
    prometheus.options.exemplars = reader.bool("send_exemplars") ?? prometheus.options.exemplars
    prometheus.options.nativeHistograms =
      reader.bool("send_native_histograms") ?? prometheus.options.nativeHistograms
    return prometheus
  }
}
