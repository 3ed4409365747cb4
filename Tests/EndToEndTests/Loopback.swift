import Foundation
import Glibc
import Synchronization

/// Just enough of TCP and HTTP/1.0 to ask a server on this machine, without any of the code under test.
enum Loopback {
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// A port at which nothing listens at this moment and that no other call has given. Below those that the system picks for connections, so that it
  /// is still free when what listened there starts again.
  static func freePort() throws -> Int {
    for _ in 0..<1000 {
      let port = Int.random(in: 16_000..<32_000)
      guard given.withLock({ $0.insert(port).inserted }) else { continue }
      let socket = try tcp()
      defer { close(socket) }
      var address = loopback(port: port)
      let isFree = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
      }
      if isFree { return port }
    }
    throw Failure(description: "no free port from 16000 to 31999")
  }

  private static let given = Mutex<Set<Int>>([])

  /// The status code and the body; given up after `waitSeconds` without a byte.
  static func get(_ port: Int, _ path: String, waitSeconds: Int = 10) throws -> (status: Int, body: String) {
    let socket = try tcp()
    defer { close(socket) }
    var limit = timeval(tv_sec: waitSeconds, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = loopback(port: port)
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard connected else { throw Failure(description: "connect: \(String(cString: strerror(errno)))") }
    let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
    guard send(socket, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
      throw Failure(description: "send: \(String(cString: strerror(errno)))")
    }
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(socket, &buffer, buffer.count, 0)
      guard count >= 0 else { throw Failure(description: "recv: \(String(cString: strerror(errno)))") }
      if count == 0 { break }
      answer += buffer[..<count]
    }
    let text = String(decoding: answer, as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n"), let status = Int(text.dropFirst(9).prefix(3)) else {
      throw Failure(description: "no answer: \(text.prefix(100))")
    }
    guard text[..<end.lowerBound].lowercased().contains("\r\ntransfer-encoding: chunked") else {
      return (status, String(text[end.upperBound...]))
    }
    return (status, String(decoding: try joined(chunks: answer[text[..<end.upperBound].utf8.count...]), as: UTF8.self))
  }

  /// The body that was sent in chunks, as servers do with long answers.
  private static func joined(chunks: ArraySlice<UInt8>) throws -> [UInt8] {
    var body: [UInt8] = []
    var rest = chunks
    while let end = rest.firstIndex(of: UInt8(ascii: "\r")) {
      guard let size = Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16), size >= 0,
        rest.endIndex - end >= 2 + size
      else { break }
      if size == 0 { return body }
      body += rest[(end + 2)..<(end + 2 + size)]
      rest = rest[(end + 2 + size)...].dropFirst(2)
    }
    throw Failure(description: "an answer in chunks that does not end")
  }

  static func tcp() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Failure(description: "socket: \(String(cString: strerror(errno)))") }
    return descriptor
  }

  static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}
