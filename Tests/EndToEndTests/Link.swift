import Foundation
import Glibc
import Synchronization

/// A piece of network between two programs on this machine that can be cut, slowed down and made to swallow what is sent: a proxy for TCP. Two threads
/// for each connection, and none of the code under test.
final class Link: Sendable {
  enum State: Sendable, Equatable {
    /// Bytes arrive so much later.
    case open(delayMilliseconds: Int)
    /// Connections end and none is taken.
    case cut
    /// Connections stay, and nothing arrives any more: what a link without a signal does. What was sent meanwhile is lost when it is cut or opened
    /// again, with its connection.
    case silent
  }

  private struct Shared {
    var state = State.open(delayMilliseconds: 0)
    var isClosed = false
    /// Both sides of each connection.
    var sockets: Set<Int32> = []
    var carriedBytes = 0
  }

  let port: Int
  private let destination: Int
  private let listener: Int32
  private let shared = Mutex(Shared())

  init(to destination: Int) throws {
    self.destination = destination
    let listener = try Loopback.tcp()
    var address = Loopback.loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    guard isListening, listen(listener, 64) == 0 else {
      throw Loopback.Failure(description: "listen: \(String(cString: strerror(errno)))")
    }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread(block: { self.accept() }).start()
  }

  /// Payload of both directions.
  var carriedBytes: Int { shared.withLock { $0.carriedBytes } }

  var state: State { shared.withLock { $0.state } }

  func set(_ state: State) {
    shared.withLock { shared in
      let wasSilent = shared.state == .silent
      shared.state = state
      if state == .cut || wasSilent { Self.end(shared.sockets) }
    }
  }

  func close() {
    shared.withLock { shared in
      guard !shared.isClosed else { return }
      shared.isClosed = true
      Self.end(shared.sockets)
      shutdown(listener, Int32(SHUT_RDWR))
    }
  }

  /// Whoever waits at them comes back; each closes its own.
  private static func end(_ sockets: Set<Int32>) {
    for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) }
  }

  private func accept() {
    while true {
      let near = Glibc.accept(listener, nil, nil)
      if shared.withLock({ $0.isClosed }) {
        if near >= 0 { Glibc.close(near) }
        Glibc.close(listener)
        return
      }
      guard near >= 0 else { continue }
      guard state != .cut, let far = connectFar() else {
        Glibc.close(near)
        continue
      }
      Self.prepare(near)
      Self.prepare(far)
      let open = Connection(near, far)
      shared.withLock { shared in
        shared.sockets.formUnion([near, far])
        if shared.state == .cut { Self.end([near, far]) }
      }
      Thread(block: { self.carry(from: near, to: far, open) }).start()
      Thread(block: { self.carry(from: far, to: near, open) }).start()
    }
  }

  private static func prepare(_ socket: Int32) {
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    var yes: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
  }

  private func connectFar() -> Int32? {
    guard let far = try? Loopback.tcp() else { return nil }
    var address = Loopback.loopback(port: destination)
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(far, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    if isConnected { return far }
    Glibc.close(far)
    return nil
  }

  /// Two threads use a connection's sockets; the last one closes them.
  private final class Connection: Sendable {
    let sockets: [Int32]
    private let users = Mutex(2)

    init(_ near: Int32, _ far: Int32) { sockets = [near, far] }

    /// True for the last one.
    func leave() -> Bool {
      users.withLock { users in
        users -= 1
        return users == 0
      }
    }
  }

  private func carry(from source: Int32, to target: Int32, _ connection: Connection) {
    var buffer = [UInt8](repeating: 0, count: 65536)
    receiving: while true {
      let count = recv(source, &buffer, buffer.count, 0)
      guard count > 0 else { break }
      if case .open(let delay) = state, delay > 0 { usleep(UInt32(delay) * 1000) }
      let isWanted = shared.withLock { shared in
        if shared.state != .silent { shared.carriedBytes += count }
        return shared.state != .silent
      }
      guard isWanted else { continue }
      var sent = 0
      while sent < count {
        let more = buffer.withUnsafeBytes {
          send(target, $0.baseAddress?.advanced(by: sent), count - sent, Int32(MSG_NOSIGNAL))
        }
        guard more > 0 else { break receiving }
        sent += more
      }
    }
    for socket in connection.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
    guard connection.leave() else { return }
    shared.withLock { shared in
      shared.sockets.subtract(connection.sockets)
      for socket in connection.sockets { Glibc.close(socket) }
    }
  }
}
