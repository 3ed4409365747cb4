import Forwarders
import Foundation
import HTTP

// What forwarders that send requests to an HTTP server have in common, besides the HTTP client's own keys.
extension ConfigurationReader {
  func requestTimeout(_ reader: inout MappingReader) -> Duration? {
    typealias Default = ConfigurationDefaults
    guard let timeout = reader.duration("timeout") else { return nil }
    if timeout.value < Default.requestSmallestTimeout {
      problems.report(
        timeout.place, "has to be at least \(PrometheusDuration.format(Default.requestSmallestTimeout))")
    }
    return timeout.value
  }

  func concurrency(_ reader: inout MappingReader, _ range: ClosedRange<Int>) -> Int? {
    let wanted = "a number from \(range.lowerBound) to \(range.upperBound)"
    return reader.scalar("concurrency", wanted: wanted) { text in
      Int(text).flatMap { range.contains($0) ? $0 : nil }
    }?.value
  }

  /// The URL without its credentials, which become basic authentication. No message repeats it, since it may hold some.
  func address(_ url: Located<String>, _ http: inout HTTPConfiguration, example: String) -> String {
    guard var parts = URLComponents(string: url.value), let scheme = parts.scheme?.lowercased(),
      ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
    else {
      problems.report(url.place, "a URL is wanted here, as \(example) or with https")
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
  func checkTenantHeader(_ tenantHeader: String?, _ http: HTTPConfiguration, _ reader: inout MappingReader) {
    guard let tenantHeader, let place = reader.secretValue("http_headers") else { return }
    for header in http.headers where header.name.lowercased() == tenantHeader.lowercased() {
      problems.report(place, "“\(header.name)” is the tenant_header, which carries the tenant of the rows")
    }
  }

  /// The key `headers`: one value a name, each a secret.
  func headers(
    _ place: ConfigurationNode, _ http: HTTPConfiguration, tenantHeader: String?
  ) -> [HTTPHeaderSetting] {
    guard var reader = MappingReader(place, problems) else { return [] }
    var names = Set(http.headers.map { $0.name.lowercased() })
    var headers: [HTTPHeaderSetting] = []
    for (key, name, value) in reader.texts() {
      check(header: name, key)
      let lower = name.lowercased()
      if !names.insert(lower).inserted { problems.report(key, "the header “\(name)” is set twice") }
      if lower == tenantHeader?.lowercased() {
        problems.report(key, "“\(name)” is the tenant_header, which carries the tenant of the rows")
      }
      if lower == "authorization", http.authentication != nil {
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
