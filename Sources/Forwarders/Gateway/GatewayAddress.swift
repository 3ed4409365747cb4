/// Where gateways are, as the configuration writes it.
public enum GatewayAddress: Sendable, Hashable {
  /// `host:port`: one gateway. A name with several addresses is connected to at whichever answers.
  case server(host: String, port: Int)
  /// `dns:///host:port`: each address of the name is a gateway.
  case dns(host: String, port: Int)

  /// Nil when the text is neither form. A host of colons stands in brackets; without a port it is `defaultPort`.
  public init?(_ text: String, defaultPort: Int) {
    let scheme = "dns:///"
    let isDNS = text.hasPrefix(scheme)
    let rest = isDNS ? String(text.dropFirst(scheme.count)) : text
    guard let (host, port) = Self.parts(rest, defaultPort: defaultPort) else { return nil }
    self = isDNS ? .dns(host: host, port: port) : .server(host: host, port: port)
  }

  private static func parts(_ text: String, defaultPort: Int) -> (String, Int)? {
    var host = Substring(text)
    var port = defaultPort
    if host.first == "[" {
      guard let end = host.firstIndex(of: "]") else { return nil }
      let rest = host[host.index(after: end)...]
      host = host[host.index(after: host.startIndex)..<end]
      guard host.contains(":") else { return nil }
      if !rest.isEmpty {
        guard rest.first == ":", let number = Self.port(rest.dropFirst()) else { return nil }
        port = number
      }
    } else if let colon = host.firstIndex(of: ":") {
      guard let number = Self.port(host[host.index(after: colon)...]) else { return nil }
      port = number
      host = host[..<colon]
    }
    let isHost = host.utf8.allSatisfy {
      $0 >= 0x30 && $0 <= 0x39 || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a || ".-_:%".utf8.contains($0)
    }
    return host.isEmpty || !isHost ? nil : (String(host), port)
  }

  private static func port(_ text: Substring) -> Int? {
    guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = Int(text), (1...65_535).contains(port) else {
      return nil
    }
    return port
  }
}

/// One gateway.
struct GatewayPlace: Sendable, Hashable {
  /// A name or an address to connect to.
  var host: String
  var port: Int
  /// The name that led here, where `host` is an address that it has: for TLS, and for the server to tell what it is asked for.
  var name: String?

  /// `host:port`, for people and URLs.
  var text: String { Self.text(host, port) }
  /// The same with the name that led here.
  var authority: String { Self.text(name ?? host, port) }

  private static func text(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
