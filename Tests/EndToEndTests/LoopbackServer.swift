import Foundation
import Glibc
import Synchronization

/// A server for HTTP/1.1 on this machine that does with each request what the test says, right or wrong. A thread for each connection, so a request
/// may be left without an answer for as long as the test likes, and none of the code under test.
final class LoopbackServer: Sendable {
  struct Request: Sendable {
    let path: String
    /// By their names in lower case.
    let headers: [String: String]
    let body: [UInt8]
  }

  enum Reply: Sendable {
    case answer(Int, body: [UInt8])
    /// Nothing is said until the other side goes away.
    case silence
    /// The connection ends in place of an answer.
    case hangUp
  }

  private struct State {
    var isOpen = true
    var connections: Set<Int32> = []
  }

  let port: Int
  private let listener: Int32
  private let state = Mutex(State())
  private let reply: @Sendable (Request) -> Reply

  /// Listens from now on. `reply` is called on the connections' threads, several at a time.
  init(reply: @escaping @Sendable (Request) -> Reply) throws {
    self.reply = reply
    listener = try Loopback.tcp()
    var address = Loopback.loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard isListening, listen(listener, 256) == 0 else {
      throw Loopback.Failure(description: "listen: \(String(cString: strerror(errno)))")
    }
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread(block: { self.accept() }).start()
  }

  /// Ends all connections and takes no more.
  func stop() {
    state.withLock { state in
      guard state.isOpen else { return }
      state.isOpen = false
      // Whoever waits in accept or recv comes back; each closes its own.
      shutdown(listener, Int32(SHUT_RDWR))
      for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }
  }

  private func accept() {
    while true {
      let socket = Glibc.accept(listener, nil, nil)
      guard socket >= 0 else {
        if state.withLock({ !$0.isOpen }) { break }
        continue
      }
      // accept4 is not there in Swift.
      _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
      var yes: Int32 = 1
      setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
      let isWanted = state.withLock { state in
        if state.isOpen { state.connections.insert(socket) }
        return state.isOpen
      }
      guard isWanted else {
        close(socket)
        break
      }
      Thread(block: { self.serve(socket) }).start()
    }
    close(listener)
  }

  private func serve(_ socket: Int32) {
    var connection = Connection(socket: socket)
    requests: while let request = connection.request() {
      switch reply(request) {
      case .answer(let status, let body):
        let head =
          "HTTP/1.1 \(status) \(status < 300 ? "OK" : "No")\r\nContent-Type: text/plain; version=0.0.4\r\n"
          + "Content-Length: \(body.count)\r\n\r\n"
        guard connection.send(Array(head.utf8) + body) else { break requests }
      case .silence:
        connection.drain()
        break requests
      case .hangUp: break requests
      }
    }
    // Under the lock, so that `stop` never meets a number that belongs to somebody else by now.
    state.withLock { state in
      state.connections.remove(socket)
      _ = close(socket)
    }
  }
}

/// The bytes of one connection.
private struct Connection {
  let socket: Int32
  /// Received and not yet used.
  private var pending: [UInt8] = []
  private var buffer = [UInt8](repeating: 0, count: 65536)

  init(socket: Int32) { self.socket = socket }

  /// The next request as a whole; nil at the end of the connection.
  mutating func request() -> LoopbackServer.Request? {
    guard let head = line(endingIn: "\r\n\r\n") else { return nil }
    let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count == 3 else { return nil }
    var length = 0
    var isChunked = false
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      guard parts.count == 2 else { continue }
      let name = parts[0].lowercased()
      headers[name] = parts[1]
      if name == "content-length" { length = Int(parts[1]) ?? 0 }
      if name == "transfer-encoding" { isChunked = parts[1].lowercased() == "chunked" }
    }
    guard let body = isChunked ? chunks() : bytes(length) else { return nil }
    return LoopbackServer.Request(path: String(words[1]), headers: headers, body: body)
  }

  private mutating func chunks() -> [UInt8]? {
    var body: [UInt8] = []
    while true {
      guard let size = line(endingIn: "\r\n").flatMap({ Int(String(decoding: $0, as: UTF8.self), radix: 16) }),
        let chunk = bytes(size), bytes(2) != nil
      else { return nil }
      if size == 0 { return body }
      body += chunk
    }
  }

  private mutating func line(endingIn end: String) -> [UInt8]? {
    let end = Array(end.utf8)
    var from = 0
    while true {
      while from + end.count <= pending.count {
        if pending[from] == end[0], pending[from..<(from + end.count)].elementsEqual(end) {
          let line = Array(pending[..<from])
          pending.removeFirst(from + end.count)
          return line
        }
        from += 1
      }
      guard receive() else { return nil }
    }
  }

  private mutating func bytes(_ count: Int) -> [UInt8]? {
    while pending.count < count { guard receive() else { return nil } }
    let bytes = Array(pending[..<count])
    pending.removeFirst(count)
    return bytes
  }

  private mutating func receive() -> Bool {
    let count = recv(socket, &buffer, buffer.count, 0)
    guard count > 0 else { return false }
    pending += buffer[..<count]
    return true
  }

  /// Returns when the other side has gone.
  mutating func drain() { while recv(socket, &buffer, buffer.count, 0) > 0 {} }

  func send(_ bytes: [UInt8]) -> Bool {
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
}
