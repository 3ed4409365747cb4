import Glibc

/// The servers that `no_proxy` names: addresses, networks (CIDR), names with their subdomains, each with or without a port; `*` is all.
///
/// Source: golang.org/x/net/http/httpproxy (Config.NoProxy).
public struct ProxyExceptions: Sendable, Hashable {
  private enum Rule: Sendable, Hashable {
    case all
    case network(bytes: [UInt8], bits: Int)
    case address(bytes: [UInt8], port: String)
    /// `suffix` begins with a dot; `itself` takes the name without it as well.
    case domain(suffix: String, itself: Bool, port: String)
  }

  private let rules: [Rule]

  /// Elements are separated by commas. What is none of the above is a name that no server has.
  public init(_ text: String) {
    rules = text.split(separator: ",").compactMap { Self.rule($0.lowercased()) }
  }

  private static func rule(_ text: String) -> Rule? {
    let text = String(text.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" })
    if text.isEmpty { return nil }
    if text == "*" { return .all }
    if let slash = text.lastIndex(of: "/"), let bytes = address(String(text[..<slash])),
      let bits = Int(text[text.index(after: slash)...]), (0...bytes.count * 8).contains(bits)
    {
      return .network(bytes: bytes, bits: bits)
    }
    var host = text
    var port = ""
    if address(text) == nil, let colon = text.lastIndex(of: ":") {
      host = String(text[..<colon])
      port = String(text[text.index(after: colon)...])
    }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    if let bytes = address(host) { return .address(bytes: bytes, port: port) }
    if host.hasPrefix("*.") { host.removeFirst() }
    if host.isEmpty { return nil }
    let itself = !host.hasPrefix(".")
    return .domain(suffix: itself ? "." + host : host, itself: itself, port: port)
  }

  func contains(host: String, port: Int) -> Bool {
    let host = host.lowercased()
    let bytes = Self.address(host)
    func fits(_ wanted: String) -> Bool { wanted.isEmpty || wanted == String(port) }
    return rules.contains { rule in
      switch rule {
      case .all: true
      case .network(let network, let bits): bytes.map { Self.lies($0, in: network, bits) } ?? false
      case .address(let address, let port): bytes == address && fits(port)
      case .domain(let suffix, let itself, let port):
        (host.hasSuffix(suffix) || itself && host == suffix.dropFirst()) && fits(port)
      }
    }
  }

  private static func lies(_ bytes: [UInt8], in network: [UInt8], _ bits: Int) -> Bool {
    guard bytes.count == network.count else { return false }
    let (whole, rest) = bits.quotientAndRemainder(dividingBy: 8)
    guard bytes.prefix(whole).elementsEqual(network.prefix(whole)) else { return false }
    return rest == 0 || (bytes[whole] ^ network[whole]) >> (8 - UInt8(rest)) == 0
  }

  /// Four or sixteen bytes, or nil for what is no address.
  private static func address(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes.prefix(4)) }
    return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
  }

  static func isLoopback(_ host: String) -> Bool {
    guard let bytes = address(host) else { return host.lowercased() == "localhost" }
    return bytes.count == 4 ? bytes[0] == 127 : bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
  }
}
