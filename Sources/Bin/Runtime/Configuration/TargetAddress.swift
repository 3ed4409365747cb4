/// Checks of a scrape target's address: `host`, `host:port`, `[IPv6]:port`.
enum TargetAddress {
  /// Nil when the address can be scraped; otherwise what is wrong with it.
  static func fault(_ address: String) -> String? {
    if address.contains("/") { return "it is host:port, without scheme and path" }
    if address.unicodeScalars.contains(where: { $0.value <= 0x20 || $0.value == 0x7f }) { return "it holds a blank" }
    if address.contains(where: { "?#@\\".contains($0) }) { return "it holds a character that no host has" }
    var host = Substring(address)
    if address.hasPrefix("[") {
      guard let end = address.firstIndex(of: "]") else { return "the bracket is not closed" }
      host = address[...end]
      let rest = address[address.index(after: end)...]
      return rest.isEmpty ? nil : fault(ofPort: rest.dropFirst(), colon: rest.first == ":")
    }
    guard let colon = address.firstIndex(of: ":") else { return nil }
    host = address[..<colon]
    if host.isEmpty { return "the host is missing" }
    return fault(ofPort: address[address.index(after: colon)...], colon: true)
  }

  private static func fault(ofPort port: Substring, colon: Bool) -> String? {
    guard colon, port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int(port),
      (1...65535).contains(number)
    else { return port.contains(":") ? "an IPv6 address stands in brackets" : "the port is a number up to 65535" }
    return nil
  }
}
