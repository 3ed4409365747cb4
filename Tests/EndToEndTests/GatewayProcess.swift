import Foundation

/// The built program as a gateway, and what it forwards to.
final class GatewayProcess: ClymeneProcess {
  let grpcPort: Int
  let httpPort: Int

  /// Delivered rows stay in its log. `forwarders` are items of a list in flow style.
  init(
    _ role: String = "gateway", named name: String, forwarders: [String], settings: String = "", in folder: URL
  ) throws {
    grpcPort = try Loopback.freePort()
    httpPort = try Loopback.freePort()
    try super.init(role, named: name, in: folder)
    try configure(
      """
      gateway:
        grpc: {address: "127.0.0.1:\(grpcPort)"}
        http: {address: "127.0.0.1:\(httpPort)"}
        \(settings)
      wal: {directory: ./wal-\(name), keep_delivered: 1d}
      forwarders:
      \(forwarders.map { "  - \($0)" }.joined(separator: "\n"))

      """)
  }

  /// The item of another one's list that delivers to gateways at these ports.
  static func forwarder(_ name: String = "next", to ports: [Int], more: String = "") -> String {
    let addresses = ports.map { "\"127.0.0.1:\($0)\"" }.joined(separator: ", ")
    return "{name: \(name), type: gateway, addresses: [\(addresses)]\(more.isEmpty ? "" : ", " + more)}"
  }

  /// The item of its list that writes into a folder of its own.
  static func files(_ name: String = "files") -> String { "{name: \(name), type: file, path: ./out-\(name)}" }

  /// Where `files` writes.
  func output(_ name: String = "files") -> URL { folder.appending(path: "out-\(name)") }
}
