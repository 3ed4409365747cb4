import Foundation
import Glibc
import Synchronization

/// An HTTP server on 127.0.0.1 at a free port that takes requests with bodies and does with each exactly what the test says, right or wrong. Each
/// connection has a thread of its own, so a test may hang as long as it likes.
final class ReceivingServer: Sendable {
  struct Request: Sendable {
    let head: String
    let body: [UInt8]

    func header(_ name: String) -> String? {
      for line in head.split(separator: "\r\n").dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2, parts[0].lowercased() == name.lowercased() {
          return parts[1].trimmingCharacters(in: .whitespaces)
        }
      }
      return nil
    }
  }

  struct Connection: Sendable {
    fileprivate let descriptor: Int32
    fileprivate let seen: @Sendable (Request) -> Void

    /// The head up to the empty line, or nil when the other side has closed.
    func readHead() -> String? {
      var head: [UInt8] = []
      var byte: UInt8 = 0
      while recv(descriptor, &byte, 1, 0) == 1 {
        head.append(byte)
        if head.suffix(4).elementsEqual("\r\n\r\n".utf8) { return String(decoding: head, as: UTF8.self) }
      }
      return nil
    }

    /// The next whole request, or nil when the other side has closed.
    func readRequest() -> Request? {
      guard let head = readHead() else { return nil }
      let length = Request(head: head, body: []).header("content-length").flatMap { Int($0) } ?? 0
      var body = [UInt8](repeating: 0, count: length)
      var count = 0
      while count < length {
        let more = body.withUnsafeMutableBytes {
          recv(descriptor, $0.baseAddress.map { $0 + count }, length - count, 0)
        }
        guard more > 0 else { return nil }
        count += more
      }
      let request = Request(head: head, body: body)
      seen(request)
      return request
    }

    func write(_ text: String) { write(Array(text.utf8)) }

    func write(_ bytes: [UInt8]) {
      _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    func answer(_ status: String, _ body: String = "", headers: String = "") {
      write("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// Ends the connection with a reset instead of a proper end.
    func reset() {
      var option = linger(l_onoff: 1, l_linger: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Waits until the other side closes.
    func waitForClose() {
      var byte: UInt8 = 0
      while recv(descriptor, &byte, 1, 0) > 0 {}
    }
  }

  struct CannotListen: Error {}

  let port: UInt16
  private let listener: Int32
  private let state = State()

  private final class State: Sendable {
    let requests = Mutex<[Request]>([])
    let connections = Atomic<Int>(0)
  }

  var address: String { "127.0.0.1:\(port)" }
  /// What has been taken whole, in order.
  var requests: [Request] { state.requests.withLock { $0 } }
  var connections: Int { state.connections.load(ordering: .relaxed) }

  /// `serve` runs once for each connection, which is closed when it returns.
  init(_ serve: @escaping @Sendable (Connection) -> Void) throws {
    let (listener, port) = try Self.bound()
    guard listen(listener, 64) == 0 else { throw CannotListen() }
    self.listener = listener
    self.port = port
    let state = self.state
    Thread.detachNewThread {
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else {
          // Here and not in `deinit`: the number may belong to another server as soon as it is free, and this thread would take its connections.
          close(listener)
          return
        }
        state.connections.wrappingAdd(1, ordering: .relaxed)
        Thread.detachNewThread {
          serve(Connection(descriptor: descriptor) { request in state.requests.withLock { $0.append(request) } })
          close(descriptor)
        }
      }
    }
  }

  /// A server that takes each request whole and gives the same answer to all.
  static func answering(_ status: String, _ body: String = "", headers: String = "") throws -> ReceivingServer {
    try ReceivingServer { connection in
      while connection.readRequest() != nil { connection.answer(status, body, headers: headers) }
    }
  }

  /// A port at which nobody listens; it was free a moment ago.
  static func closedPort() throws -> UInt16 {
    let (descriptor, port) = try bound()
    close(descriptor)
    return port
  }

  private static func bound() throws -> (Int32, UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let done = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard descriptor >= 0, done else { throw CannotListen() }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}
