import Forwarders
import HTTP

// A forwarder of the type `gateway`.
extension ConfigurationReader {
  /// Keys of HTTP clients that say nothing where gRPC is spoken.
  private static let httpOnly = [
    "proxy_url", "no_proxy", "proxy_from_environment", "proxy_connect_header", "follow_redirects", "enable_http2",
  ]

  func gatewayDestination(_ reader: inout MappingReader, name: String) -> GatewayConfiguration {
    var gateway = GatewayConfiguration(addresses: [])
    gateway.identity = name
    gateway.transport = choice(&reader, "protocol") ?? gateway.transport
    gateway.encoding = choice(&reader, "encoding") ?? gateway.encoding
    if gateway.transport == .grpc {
      for key in Self.httpOnly {
        guard let place = reader.value(key) else { continue }
        problems.report(place, "\(key) is for HTTP, this forwarder speaks gRPC; with “protocol: http” it can be set")
      }
    }
    let tlsConfig = reader.secretValue("tls_config")
    gateway.http = httpClient(&reader)
    let tls = reader.bool("tls")
    gateway.isTLS = tls ?? (tlsConfig != nil)
    if tls == false, let tlsConfig { problems.report(tlsConfig, "without TLS, tls_config says nothing") }
    addresses(&reader, &gateway, tls: tls)
    gateway.timeout = atLeast(Duration.milliseconds(100), &reader, "timeout") ?? gateway.timeout
    gateway.failoverAfter = atLeast(.zero, &reader, "failover_after") ?? gateway.failoverAfter
    if gateway.transport == .grpc {
      // The library takes shorter times for ten seconds.
      gateway.keepaliveTime = atLeast(.seconds(10), &reader, "keepalive_time") ?? gateway.keepaliveTime
      gateway.keepaliveTimeout = atLeast(.seconds(1), &reader, "keepalive_timeout") ?? gateway.keepaliveTimeout
    }
    return gateway
  }

  private func addresses(_ reader: inout MappingReader, _ gateway: inout GatewayConfiguration, tls: Bool?) {
    let one = reader.string("address")
    let isList = reader.has("addresses")
    let many = reader.strings("addresses")
    if one != nil, isList {
      problems.report(reader.value("addresses") ?? reader.place, "either address or addresses, not both")
    }
    if one == nil, many.isEmpty {
      problems.report(
        reader.value("addresses") ?? reader.place, "a gateway forwarder needs an address, or addresses: host:port each")
    }
    var schemes: Set<String> = []
    for text in one.map({ [$0] }) ?? many {
      var rest = text.value
      for scheme in ["http", "https"] where rest.hasPrefix("\(scheme)://") {
        rest = String(rest.dropFirst(scheme.count + 3))
        if rest.hasSuffix("/") { rest.removeLast() }
        schemes.insert(scheme)
        if gateway.transport == .grpc {
          problems.report(text.place, "gRPC's addresses are written host:port; “tls: true” turns TLS on")
        } else if scheme == "http", gateway.isTLS {
          problems.report(text.place, "http:// is without TLS, and other keys ask for it")
        }
      }
      guard let address = GatewayAddress(rest, defaultPort: gateway.transport.defaultPort) else {
        // Not repeated: it may hold credentials.
        problems.report(text.place, "an address is written host:port, or dns:///host:port for each address of a name")
        continue
      }
      if gateway.addresses.contains(address) { problems.report(text.place, "the address is there twice") }
      gateway.addresses.append(address)
    }
    if schemes.count > 1 { problems.report(reader.value("addresses") ?? reader.place, "all http:// or all https://") }
    if schemes.contains("https") {
      if tls == false { problems.report(reader.value("tls") ?? reader.place, "https:// is with TLS") }
      gateway.isTLS = true
    }
  }

  private func atLeast(_ least: Duration, _ reader: inout MappingReader, _ key: String) -> Duration? {
    guard let given = reader.duration(key) else { return nil }
    if given.value < least {
      problems.report(given.place, "has to be at least \(PrometheusDuration.format(least))")
    }
    return given.value
  }
}
