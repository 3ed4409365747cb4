import Foundation
import Synchronization

/// A proxy on 127.0.0.1: opens tunnels to ports of this machine, and passes requests in absolute form on.
final class TestProxy: Sendable {
  private final class Heads: Sendable {
    let all = Mutex<[String]>([])
  }

  private let server: LoopbackServer
  private let heads: Heads

  var port: UInt16 { server.port }
  /// The heads of the requests that it was sent.
  var requests: [String] { heads.all.withLock { $0 } }

  /// With a password only the user alice gets through.
  init(password: String? = nil) throws {
    let heads = Heads()
    let wanted = password.map { "proxy-authorization: basic " + Data("alice:\($0)".utf8).base64EncodedString() }
    self.heads = heads
    server = try LoopbackServer { connection in
      while let head = connection.readRequest() {
        heads.all.withLock { $0.append(head) }
        let lines = head.components(separatedBy: "\r\n")
        if let wanted, !lines.contains(where: { $0.lowercased() == wanted.lowercased() }) {
          connection.answer("", status: "407 Proxy Authentication Required")
          continue
        }
        let words = lines[0].split(separator: " ")
        if words[0] == "CONNECT" {
          guard let port = words[1].split(separator: ":").last.flatMap({ UInt16($0) }) else { return }
          connection.write("HTTP/1.1 200 Connection established\r\n\r\n")
          connection.relay(to: port)
          return
        }
        connection.answer("seen by the proxy")
      }
    }
  }
}
