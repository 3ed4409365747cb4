import CZlib
import Glibc
import Model
import Synchronization
import Testing

@testable import HTTP

/// What a get comes to, for comparisons.
enum GetResult: Equatable {
  case answer(Int, String)
  case failure(HTTPError.Kind)
}

@Suite(.timeLimit(.minutes(1)))
struct `A GET` {
  func get(
    _ url: String, configuration: HTTPConfiguration = .init(), timeout: Duration = .seconds(10),
    limitBytes: Int = 1 << 20
  ) async -> (result: GetResult, words: String) {
    let session = HTTPSession(configuration)
    var result: (GetResult, String)
    do throws(HTTPError) {
      let answer = try await session.get(url, timeout: timeout, limitBytes: limitBytes)
      result = (.answer(answer.status, String(decoding: answer.body, as: UTF8.self)), "")
    } catch {
      result = (.failure(error.kind), error.description)
    }
    await session.close()
    return result
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    deflateInit2_(
      &stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + 1024)
    input.withUnsafeMutableBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        stream.next_in = source.baseAddress
        stream.avail_in = UInt32(source.count)
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(target.count)
        #expect(deflate(&stream, Z_FINISH) == Z_STREAM_END)
      }
    }
    return Array(output[..<Int(stream.total_out)])
  }

  @Test
  func `An answer comes with status, headers and body`() async throws {
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil {
        connection.answer("gone", status: "410 Gone", headers: "X-Reason: moved out\r\n")
      }
    }
    let session = HTTPSession()
    let answer = try await session.get(server.url, timeout: .seconds(5), limitBytes: 100)
    #expect(answer.status == 410)
    #expect(answer.body == Array("gone".utf8))
    #expect(answer.contentType == "text/plain; version=0.0.4")
    #expect(answer.header("x-REASON") == "moved out")
    #expect(answer.receivedBytes == 4)
    await session.close()
  }

  @Test
  func `The request says what the caller says, and asks for compression`() async throws {
    let seen = Mutex("")
    let server = try LoopbackServer { connection in
      while let request = connection.readRequest() {
        seen.withLock { $0 = request }
        connection.answer("")
      }
    }
    let session = HTTPSession()
    _ = try await session.get(
      server.url + "?a=b", headers: [("Accept", "text/plain"), ("User-Agent", "clymene/1")], timeout: .seconds(5),
      limitBytes: 100)
    await session.close()
    let request = seen.withLock { $0 }
    #expect(request.hasPrefix("GET /metrics?a=b HTTP/1.1\r\n"))
    #expect(request.contains("\r\nAccept: text/plain\r\n"))
    #expect(request.contains("\r\nUser-Agent: clymene/1\r\n"))
    #expect(request.lowercased().contains("\r\naccept-encoding: zstd, gzip\r\n"))
    #expect(request.lowercased().contains("\r\nhost: \(server.address)\r\n"))
  }

  @Test
  func `Requests after each other share a connection`() async throws {
    let server = try LoopbackServer.answering("a")
    let session = HTTPSession()
    for _ in 0..<5 { _ = try await session.get(server.url, timeout: .seconds(5), limitBytes: 100) }
    await session.close()
    #expect(server.connections == 1)
  }

  @Test
  func `A kept connection that the server closes under the request costs nothing`() async throws {
    let server = try LoopbackServer { connection in
      if connection.readRequest() != nil { connection.answer("a") }
      _ = connection.readRequest()
    }
    let session = HTTPSession()
    for _ in 0..<4 {
      let answer = try await session.get(server.url, timeout: .seconds(5), limitBytes: 100)
      #expect(answer.body == Array("a".utf8))
    }
    await session.close()
    #expect(server.connections == 4)
  }

  @Test
  func `A request whose connection is reset is not sent again`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.reset()
    }
    #expect(await get(server.url).result == .failure(.reset))
    #expect(server.connections == 1)
  }

  @Test
  func `A port at which nobody listens is a refused connection, not a timeout`() async throws {
    let port = try LoopbackServer.closedPort()
    let (result, words) = await get("http://127.0.0.1:\(port)/metrics", timeout: .seconds(50))
    #expect(result == .failure(.refused))
    #expect(words == "connection refused by 127.0.0.1:\(port)")
  }

  @Test
  func `A name that does not exist is said to be unknown`() async {
    let (result, words) = await get("http://no-such-host.invalid:9100/metrics")
    #expect(result == .failure(.nameNotFound))
    #expect(words.contains("no-such-host.invalid:9100"))
  }

  @Test
  func `Words for the user hold no credentials and no query`() async throws {
    let port = try LoopbackServer.closedPort()
    let (_, words) = await get("http://user:secret@127.0.0.1:\(port)/metrics?token=hidden")
    #expect(!words.contains("secret"))
    #expect(!words.contains("hidden"))
  }

  @Test(arguments: ["not a url", "http:///metrics", "ftp://127.0.0.1/metrics", ""])
  func `What is no URL for HTTP is said to be none`(_ url: String) async {
    #expect(await get(url).result == .failure(.badURL))
  }

  @Test
  func `A server that never answers costs the timeout`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.waitForClose()
    }
    let (result, words) = await get(server.url, timeout: .milliseconds(300))
    #expect(result == .failure(.timedOut))
    #expect(words.contains("0.3 seconds"))
  }

  @Test
  func `A server that stops in the middle of its body costs the timeout`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
      connection.waitForClose()
    }
    #expect(await get(server.url, timeout: .milliseconds(300)).result == .failure(.timedOut))
  }

  @Test
  func `A server that drips bytes without end costs the timeout and not more`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\n\r\n")
      while connection.write("a 1\n") { usleep(20_000) }
    }
    #expect(await get(server.url, timeout: .milliseconds(400)).result == .failure(.timedOut))
  }

  @Test
  func `A cancelled request ends at once`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.waitForClose()
    }
    let url = server.url
    let asking = Task { await get(url, timeout: .seconds(50)).result }
    while server.connections == 0 { try await Task.sleep(for: .milliseconds(5)) }
    asking.cancel()
    #expect(await asking.value == .failure(.cancelled))
  }

  @Test
  func `A body at the limit is taken, one byte more is not`() async throws {
    let server = try LoopbackServer.answering(String(repeating: "x", count: 1000))
    #expect(await get(server.url, limitBytes: 1000).result == .answer(200, String(repeating: "x", count: 1000)))
    let (result, words) = await get(server.url, limitBytes: 999)
    #expect(result == .failure(.bodyTooLarge))
    #expect(words.contains("999"))
  }

  @Test
  func `A body without announced length is given up at the limit`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = "10000\r\n" + String(repeating: "x", count: 65536) + "\r\n"
      while connection.write(chunk) {}
    }
    #expect(await get(server.url, limitBytes: 200_000).result == .failure(.bodyTooLarge))
  }

  @Test
  func `A server that announces more than it sends is one that broke off`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 4000000000\r\n\r\nhalf")
    }
    let (result, words) = await get(server.url, limitBytes: 1 << 20)
    #expect(result == .failure(.reset))
    #expect(words.contains("before its answer was whole"))
  }

  @Test
  func `A connection that is reset is said to be`() async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
      connection.reset()
    }
    #expect(await get(server.url).result == .failure(.reset))
  }

  @Test
  func `A connection that closes without an answer is said to, after a second try`() async throws {
    let server = try LoopbackServer { connection in _ = connection.readRequest() }
    #expect(await get(server.url).result == .failure(.reset))
    #expect(server.connections == 2)
  }

  @Test(arguments: [
    "SSH-2.0-OpenSSH_9.2\r\n", "\u{0}\u{1}\u{2}garbage\r\n\r\n", "HTTP/9.9 what\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
  ])
  func `A server that does not speak HTTP is said not to`(_ greeting: String) async throws {
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.write(greeting)
      connection.waitForClose()
    }
    #expect(await get(server.url).result == .failure(.protocolViolation))
  }

  @Test
  func `TLS with a server that has none is said to have failed`() async throws {
    let server = try LoopbackServer { connection in
      connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
      connection.waitForClose()
    }
    let (result, words) = await get("https://\(server.address)/metrics")
    #expect(result == .failure(.tls))
    #expect(words.contains("TLS with \(server.address) failed"))
  }

  @Test
  func `Redirects are followed, circles are not`() async throws {
    let server = try LoopbackServer { connection in
      while let request = connection.readRequest() {
        if request.hasPrefix("GET /metrics ") {
          connection.answer("", status: "302 Found", headers: "Location: /there\r\n")
        } else if request.hasPrefix("GET /there ") {
          connection.answer("arrived")
        } else {
          connection.answer("", status: "302 Found", headers: "Location: /circle\r\n")
        }
      }
    }
    #expect(await get(server.url).result == .answer(200, "arrived"))
    #expect(await get("http://\(server.address)/circle").result == .failure(.redirects))
    var configuration = HTTPConfiguration()
    configuration.redirectLimit = 0
    #expect(await get(server.url, configuration: configuration).result == .answer(302, ""))
  }

  @Test
  func `Gzip is decoded, several members after each other, too`() async throws {
    let body = Self.gzip(Array("first ".utf8)) + Self.gzip(Array("second".utf8))
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil { connection.answer(body, headers: "Content-Encoding: gzip\r\n") }
    }
    #expect(await get(server.url).result == .answer(200, "first second"))
  }

  @Test
  func `Gzip that arrives byte by byte is decoded`() async throws {
    let body = Self.gzip(Array(repeating: UInt8(ascii: "a"), count: 300))
    let server = try LoopbackServer { connection in
      _ = connection.readRequest()
      connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(body.count)\r\n\r\n")
      for byte in body {
        connection.write([byte])
        usleep(1000)
      }
    }
    #expect(await get(server.url).result == .answer(200, String(repeating: "a", count: 300)))
  }

  @Test
  func `A gzip bomb is given up at the limit`() async throws {
    // 64 MiB of zeros in 64 KiB.
    let bomb = Self.gzip([UInt8](repeating: 0, count: 64 << 20))
    #expect(bomb.count < 100_000)
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil { connection.answer(bomb, headers: "Content-Encoding: gzip\r\n") }
    }
    #expect(await get(server.url, limitBytes: 1 << 20).result == .failure(.bodyTooLarge))
  }

  @Test
  func `Gzip that ends early or is none is said to be`() async throws {
    let whole = Self.gzip(Array("some text that is long enough to be cut".utf8))
    for body in [Array(whole.dropLast(9)), Array("plain".utf8), whole + [1, 2, 3]] {
      let server = try LoopbackServer { connection in
        while connection.readRequest() != nil { connection.answer(body, headers: "Content-Encoding: gzip\r\n") }
      }
      #expect(await get(server.url).result == .failure(.encoding))
    }
  }

  @Test
  func `An encoding that nobody asked for is an error`() async throws {
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil { connection.answer("x", headers: "Content-Encoding: br\r\n") }
    }
    #expect(await get(server.url).result == .failure(.encoding))
  }

  @Test
  func `A closed session answers with an error`() async throws {
    let server = try LoopbackServer.answering("a")
    let session = HTTPSession()
    await session.close()
    await #expect(throws: HTTPError.self) {
      _ = try await session.get(server.url, timeout: .seconds(5), limitBytes: 10)
    }
    await session.close()
  }
}
