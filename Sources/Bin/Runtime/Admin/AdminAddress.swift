/// Where an admin server listens: `:15691`, `127.0.0.1:15691`, `[::1]:0`.
public struct AdminAddress: Hashable, Sendable, CustomStringConvertible {
  public var host: String
  /// 0 lets the system choose.
  public var port: Int

  /// Nil for anything else. Without a host it is every IPv4 address of the machine.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65535).contains(port)
    else { return nil }
    var host = text[..<colon]
    if host.first == "[", host.last == "]" {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    self.host = host.isEmpty ? "0.0.0.0" : String(host)
    self.port = port
  }

  /// One or more addresses, separated by commas; nil when one of them is none.
  public static func list(_ text: String) -> [AdminAddress]? {
    let addresses = text.split(separator: ",").map { AdminAddress(String($0.filter { !$0.isWhitespace })) }
    guard !addresses.isEmpty, !addresses.contains(nil) else { return nil }
    return addresses.compactMap { $0 }
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
