import HTTP

import struct Foundation.URL

// The HTTP client's settings, the same wherever they stand: scrape jobs, discoveries, forwarders.
//
// Source of the rules: prometheus/common, config/http_config.go (Validate) and config/headers.go.
extension ConfigurationReader {
  /// Reads Prometheus' HTTP client keys out of a mapping that may have others, too; `finish` stays the caller's, with `PrometheusKeys.httpClient` among
  /// the keys that are not supported yet.
  func httpClient(_ reader: inout MappingReader) -> HTTPConfiguration {
    var http = HTTPConfiguration()
    http.authentication = authentication(&reader)
    if let tls = reader.secretValue("tls_config") { http.tls = tlsSettings(tls) }
    http.proxy = proxySettings(&reader)
    if let headers = reader.secretValue("http_headers") { http.headers = httpHeaders(headers) }
    if reader.bool("follow_redirects") == false { http.redirectLimit = 0 }
    http.http2 = reader.bool("enable_http2") ?? http.http2
    return http
  }

  /// A text that is not empty, or a path, but not both.
  func secret(_ reader: inout MappingReader, _ key: String, of owner: String = "") -> Secret? {
    let text = reader.string(key).nonEmpty
    let file = path(&reader, "\(key)_file")
    if text != nil, let file {
      problems.report(file.place, "at most one of \(key) and \(key)_file may be set\(owner)")
    }
    return file.map { .file($0.value) } ?? text.map { .text($0.value) }
  }

  // MARK: authentication

  private func authentication(_ reader: inout MappingReader) -> HTTPAuthentication? {
    let basicPlace = reader.secretValue("basic_auth")
    let authorizationPlace = reader.secretValue("authorization")
    let token = reader.string("bearer_token").nonEmpty
    let tokenFile = path(&reader, "bearer_token_file")
    let given: [(key: String, place: ConfigurationNode?)] = [
      ("basic_auth", basicPlace), ("authorization", authorizationPlace), ("bearer_token", token?.place),
      ("bearer_token_file", tokenFile?.place),
    ]
    let used = given.compactMap { entry in entry.place.map { (entry.key, $0) } }
    if used.count > 1, let last = used.last {
      problems.report(
        last.1, "at most one of \(used.map(\.0).joined(separator: ", ")) may be set: each says who the client is")
    }
    if let place = basicPlace { return basicAuthentication(place) }
    if let place = authorizationPlace { return authorization(place) }
    if let token { return .credentials(type: "Bearer", headerSecret(.text(token.value), token)) }
    return tokenFile.map { .credentials(type: "Bearer", .file($0.value)) }
  }

  private func basicAuthentication(_ place: ConfigurationNode) -> HTTPAuthentication? {
    guard var reader = MappingReader(place, problems) else { return nil }
    let username = secret(&reader, "username")
    let password = secret(&reader, "password")
    reader.finish(prometheusHas: ["username_ref", "password_ref"])
    return .basic(username: username ?? .text(""), password: password)
  }

  private func authorization(_ place: ConfigurationNode) -> HTTPAuthentication? {
    guard var reader = MappingReader(place, problems) else { return nil }
    var type = "Bearer"
    if let given = reader.string("type") {
      let trimmed = given.value.split(separator: " ").joined(separator: " ")
      if trimmed.lowercased() == "basic" {
        problems.report(given.place, "“\(trimmed)” has a key of its own: basic_auth")
      }
      if !HTTPConfiguration.isHeaderValue(trimmed) {
        problems.report(given.place, "a character that no header can carry")
      }
      type = trimmed.isEmpty ? type : trimmed
    }
    let inline = reader.string("credentials").nonEmpty
    let credentials = secret(&reader, "credentials")
    if let inline { _ = headerSecret(.text(inline.value), inline) }
    reader.finish(prometheusHas: ["credentials_ref"])
    return .credentials(type: type, credentials)
  }

  /// The report does not quote the text.
  private func headerSecret(_ secret: Secret, _ text: Located<String>) -> Secret {
    if !HTTPConfiguration.isHeaderValue(text.value) {
      problems.report(text.place, "a line end or another character that no header can carry")
    }
    return secret
  }

  // MARK: tls_config

  private func tlsSettings(_ place: ConfigurationNode) -> TLSSettings {
    var tls = TLSSettings()
    guard var reader = MappingReader(place, problems) else { return tls }
    tls.ca = secret(&reader, "ca")
    tls.certificate = secret(&reader, "cert")
    tls.key = secret(&reader, "key")
    if (tls.certificate == nil) != (tls.key == nil) {
      let (present, missing) = tls.key == nil ? ("cert", "key") : ("key", "cert")
      problems.report(
        reader.value(present) ?? reader.value("\(present)_file") ?? place,
        "a client certificate needs both: \(missing) or \(missing)_file is missing")
    }
    tls.serverName = reader.string("server_name").nonEmpty?.value
    tls.insecureSkipVerify = reader.bool("insecure_skip_verify") ?? false
    let wanted = TLSSettings.Version.allCases.map(\.rawValue).joined(separator: ", ")
    let minimum = reader.scalar("min_version", wanted: "one of \(wanted)", TLSSettings.Version.init(rawValue:))
    let maximum = reader.scalar("max_version", wanted: "one of \(wanted)", TLSSettings.Version.init(rawValue:))
    if let minimum, let maximum, maximum.value < minimum.value {
      problems.report(maximum.place, "\(maximum.value.rawValue) is below min_version, \(minimum.value.rawValue)")
    }
    tls.minimumVersion = minimum?.value
    tls.maximumVersion = maximum?.value
    reader.finish(prometheusHas: ["ca_ref", "cert_ref", "key_ref"])
    return tls
  }

  // MARK: http_headers

  private func httpHeaders(_ place: ConfigurationNode) -> [HTTPHeaderSetting] {
    guard let reader = MappingReader(place, problems) else { return [] }
    return reader.values().compactMap { key, name, value in
      if name.lowercased() == "authorization" {
        problems.report(key, "“\(name)” has keys of its own: basic_auth and authorization")
      } else {
        check(header: name, key)
      }
      guard HTTPConfiguration.isHeaderName(name), var reader = MappingReader(value, problems) else { return nil }
      let values = reader.strings("values").map { text in
        if !HTTPConfiguration.isHeaderValue(text.value) {
          problems.report(text.place, "a line end or another character that no header can carry")
        }
        return text.value
      }
      let secrets = reader.strings("secrets").map { headerSecret(.text($0.value), $0) }
      let files = reader.strings("files").map { Secret.file(absolute($0.value)) }
      reader.finish()
      return HTTPHeaderSetting(name: name, values: values, secrets: secrets + files)
    }.sorted { $0.name < $1.name }
  }

  func check(header name: String, _ place: ConfigurationNode) {
    if let fault = HTTPConfiguration.fault(ofHeaderName: name) { problems.report(place, "“\(name)” \(fault)") }
  }

  // MARK: proxies

  private func proxySettings(_ reader: inout MappingReader) -> ProxySettings? {
    let url = reader.string("proxy_url").nonEmpty
    let exceptions = reader.string("no_proxy").nonEmpty
    let headersPlace = reader.secretValue("proxy_connect_header")
    let fromEnvironment = reader.bool("proxy_from_environment") ?? false
    if fromEnvironment {
      for (place, key) in [(url?.place, "proxy_url"), (exceptions?.place, "no_proxy")] {
        if let place { problems.report(place, "with proxy_from_environment, \(key) may not be set") }
      }
    } else if url == nil {
      for (place, key) in [(exceptions?.place, "no_proxy"), (headersPlace, "proxy_connect_header")] {
        if let place { problems.report(place, "without proxy_url, \(key) says nothing") }
      }
    }
    var settings: ProxySettings?
    if fromEnvironment {
      let place = reader.value("proxy_from_environment") ?? reader.place
      func server(_ name: String) -> ProxySettings.Server? {
        guard let text = variable(name), !text.isEmpty else { return nil }
        return proxyServer(text.contains("://") ? text : "http://\(text)", place, "the variable \(name)")
      }
      settings = ProxySettings(
        http: server("HTTP_PROXY"), https: server("HTTPS_PROXY"),
        exceptions: ProxyExceptions(variable("NO_PROXY") ?? ""), skipsLoopback: true)
    } else if let url, let server = proxyServer(url.value, url.place, "the address") {
      settings = ProxySettings(
        http: server, https: server, exceptions: ProxyExceptions(exceptions?.value ?? ""),
        skipsLoopback: exceptions != nil)
    }
    if let headersPlace { settings?.connectHeaders = connectHeaders(headersPlace) }
    return settings
  }

  private func variable(_ name: String) -> String? { environment[name] ?? environment[name.lowercased()] }

  /// The reports do not quote the URL, which may hold a password.
  private func proxyServer(_ text: String, _ place: ConfigurationNode, _ what: String) -> ProxySettings.Server? {
    guard let url = URL(string: text), let scheme = url.scheme?.lowercased(),
      var host = url.host(percentEncoded: false), !host.isEmpty
    else {
      problems.report(place, "\(what) of a proxy is written http://host:port")
      return nil
    }
    guard scheme == "http" else {
      problems.report(
        place, "\(what) has the scheme \(scheme); this version supports proxies at http:// only", kind: .notSupportedYet
      )
      return nil
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    let port = url.port ?? 80
    guard (1...65535).contains(port) else {
      problems.report(place, "\(what) has the port \(port); a port is a number up to 65535")
      return nil
    }
    return .init(
      host: host, port: port, username: url.user(percentEncoded: false),
      password: url.password(percentEncoded: false).map { .text($0) })
  }

  private func connectHeaders(_ place: ConfigurationNode) -> [HTTPHeaderSetting] {
    guard var reader = MappingReader(place, problems) else { return [] }
    return reader.values().compactMap { key, name, _ in
      guard HTTPConfiguration.isHeaderName(name) else {
        problems.report(key, "“\(name)” is not the name of a header")
        return nil
      }
      return HTTPHeaderSetting(name: name, secrets: reader.strings(name).map { headerSecret(.text($0.value), $0) })
    }.sorted { $0.name < $1.name }
  }
}

extension Located<String>? {
  /// Prometheus takes an empty text for one that is not set.
  var nonEmpty: Located<String>? { flatMap { $0.value.isEmpty ? nil : $0 } }
}
