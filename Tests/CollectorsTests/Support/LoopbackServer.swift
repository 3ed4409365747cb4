import Foundation
import Glibc
import Synchronization

/// A TCP server on 127.0.0.1 at a free port that does with each connection exactly what the test says, right or wrong. Each connection has a
/// thread of its own, so a test may hang as long as it likes.
final class LoopbackServer: Sendable {
  /// One accepted connection, for a test's blocking use.
  struct Connection: Sendable {
    fileprivate let descriptor: Int32

    /// The request's head up to the empty line, or nil when the other side has closed. Requests here have no bodies.
    func readRequest() -> String? {
      var head: [UInt8] = []
      var byte: UInt8 = 0
      while recv(descriptor, &byte, 1, 0) == 1 {
        head.append(byte)
        if head.suffix(4).elementsEqual("\r\n\r\n".utf8) { return String(decoding: head, as: UTF8.self) }
      }
      return nil
    }

    /// False when the other side is gone.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
      var sent = 0
      while sent < bytes.count {
        let n = bytes.withUnsafeBytes {
          send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
        }
        guard n > 0 else { return false }
        sent += n
      }
      return true
    }

    @discardableResult
    func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    func answer(
      _ body: String, status: String = "200 OK", contentType: String? = "text/plain; version=0.0.4",
      headers: String = ""
    ) {
      answer(Array(body.utf8), status: status, contentType: contentType, headers: headers)
    }

    func answer(
      _ body: [UInt8], status: String = "200 OK", contentType: String? = "text/plain; version=0.0.4",
      headers: String = ""
    ) {
      let type = contentType.map { "Content-Type: \($0)\r\n" } ?? ""
      write("HTTP/1.1 \(status)\r\n\(type)Content-Length: \(body.count)\r\n\(headers)\r\n")
      write(body)
    }

    /// Ends the connection with a reset instead of a proper end.
    func reset() {
      var option = linger(l_onoff: 1, l_linger: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Passes everything on to a port of this machine and back, until one of the two closes.
    func relay(to port: UInt16) {
      let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = LoopbackServer.loopback
      address.sin_port = port.bigEndian
      let isConnected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(other, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      guard isConnected else {
        close(other)
        return
      }
      let back = Connection(descriptor: other)
      let mine = self
      let isDone = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        back.copy(to: mine)
        shutdown(mine.descriptor, Int32(SHUT_RDWR))
        isDone.signal()
      }
      copy(to: back)
      shutdown(other, Int32(SHUT_RDWR))
      isDone.wait()
      close(other)
    }

    private func copy(to other: Connection) {
      var step = [UInt8](repeating: 0, count: 16 << 10)
      while true {
        let count = recv(descriptor, &step, step.count, 0)
        guard count > 0, other.write(Array(step[..<count])) else { return }
      }
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
  private let accepted = Atomic<Int>(0)

  var address: String { "127.0.0.1:\(port)" }
  var url: String { "http://\(address)/metrics" }
  var connections: Int { accepted.load(ordering: .relaxed) }

  /// `serve` runs once for each connection; it is closed when `serve` returns.
  init(_ serve: @escaping @Sendable (Connection) -> Void) throws {
    let (listener, port) = try Self.bound()
    guard listen(listener, 64) == 0 else { throw CannotListen() }
    self.listener = listener
    self.port = port
    Thread.detachNewThread { [weak self] in
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        self?.accepted.wrappingAdd(1, ordering: .relaxed)
        Thread.detachNewThread {
          serve(Connection(descriptor: descriptor))
          close(descriptor)
        }
      }
    }
  }

  /// A server that gives every request on every connection the next of these bodies, the last one again and again.
  static func answering(_ bodies: String...) throws -> LoopbackServer {
    let next = Mutex(bodies)
    return try LoopbackServer { connection in
      while connection.readRequest() != nil {
        connection.answer(next.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] })
      }
    }
  }

  /// A port at which nobody listens; it was free a moment ago.
  static func closedPort() throws -> UInt16 {
    let (descriptor, port) = try bound()
    close(descriptor)
    return port
  }

  fileprivate static var loopback: sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func bound() throws -> (Int32, UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let done = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard descriptor >= 0, done else { throw CannotListen() }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }
}
