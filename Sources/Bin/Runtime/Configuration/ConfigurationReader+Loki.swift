import Forwarders
import Foundation
import HTTP
import Model

// A forwarder of the type `loki`.
extension ConfigurationReader {
  func lokiDestination(_ reader: inout MappingReader) -> LokiConfiguration {
    var loki = LokiConfiguration(url: "")
    loki.http = httpClient(&reader)
    if let url = reader.string("url") {
      loki.url = pushAddress(address(url, &loki.http, example: "http://host:3100"))
    } else if !reader.has("url") {
      problems.report(reader.place, "a loki forwarder needs a url: where Loki takes pushes")
    }
    loki.timeout = requestTimeout(&reader) ?? loki.timeout
    loki.shards = concurrency(&reader, LokiConfiguration.shardRange) ?? loki.shards
    if let name = reader.string("tenant_header") {
      check(header: name.value, name.place)
      loki.tenantHeader = name.value
    }
    if let tenant = reader.string("tenant_id"), !tenant.value.isEmpty {
      if Tenant(tenant.value) == nil {
        problems.report(
          tenant.place, "\(tenant.value.utf8.count) bytes; a tenant's name has at most \(Tenant.limitBytes)")
      }
      if !HTTPConfiguration.isHeaderValue(tenant.value) {
        problems.report(tenant.place, "a tenant's name that is sent in a header has no control characters")
      }
      loki.tenantID = tenant.value
    }
    checkTenantHeader(loki.tenantHeader, loki.http, &reader)
    if let headers = reader.secretValue("headers") {
      loki.http.headers += self.headers(headers, loki.http, tenantHeader: loki.tenantHeader)
    }
    loki.sendsStructuredMetadata = reader.bool("send_structured_metadata") ?? loki.sendsStructuredMetadata
    return loki
  }

  /// With Loki's path where the URL has none.
  private func pushAddress(_ url: String) -> String {
    guard var parts = URLComponents(string: url), parts.host != nil, ["", "/"].contains(parts.path) else { return url }
    parts.path = LokiConfiguration.defaultPath
    return parts.string ?? url
  }
}
