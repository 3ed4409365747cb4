import Foundation
import Glibc

/// A connection on this machine by which a test says what it likes, also what no client would. Each call waits for a while at most.
final class RawConnection {
  private let socket: Int32

  /// From an address of the loopback network, such as 127.0.0.2: for the server that is another sender.
  init(to port: Int, from address: String, waitSeconds: Int = 20) throws {
    socket = try Loopback.tcp()
    var limit = timeval(tv_sec: waitSeconds, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var own = Loopback.loopback(port: 0)
    own.sin_addr.s_addr = inet_addr(address)
    var other = Loopback.loopback(port: port)
    let socket = socket
    let isConnected =
      Self.with(&own) { bind(socket, $0, $1) } == 0 && Self.with(&other) { connect(socket, $0, $1) } == 0
    guard isConnected else {
      let reason = String(cString: strerror(errno))
      close(socket)
      throw Loopback.Failure(description: "connect from \(address): \(reason)")
    }
  }

  deinit { close(socket) }

  private static func with(
    _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// False when the other side has gone, or takes nothing for too long.
  @discardableResult func send(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { bytes in
      var sent = 0
      while sent < bytes.count {
        let count = Glibc.send(socket, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
        guard count > 0 else { return false }
        sent += count
      }
      return true
    }
  }

  /// The status of an answer; nil without one.
  func status() -> Int? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(socket, &buffer, buffer.count, 0)
    guard count > 12 else { return nil }
    return Int(String(decoding: buffer[9..<12], as: UTF8.self))
  }

  /// One request on a connection of its own: its status, or nil without an answer.
  static func post(
    _ port: Int, _ path: String, _ body: [UInt8], _ headers: [String], from address: String
  ) -> Int? {
    guard let connection = try? RawConnection(to: port, from: address) else { return nil }
    let head = head(path, body.count, headers)
    guard connection.send(head + body) else { return connection.status() }
    return connection.status()
  }

  static func head(_ path: String, _ length: Int, _ headers: [String]) -> [UInt8] {
    let lines = ["POST \(path) HTTP/1.1", "Host: a", "Content-Length: \(length)"] + headers
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }
}
