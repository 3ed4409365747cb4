import Codec
import Foundation
import Synchronization
import Testing

@testable import HTTP

/// Servers that keep the heads of the requests that they get.
final class RecordingServer: Sendable {
  private final class Heads: Sendable {
    let all = Mutex<[String]>([])
  }

  let server: LoopbackServer
  private let heads: Heads

  var requests: [String] { heads.all.withLock { $0 } }
  var url: String { server.url }

  init(status: String = "200 OK", headers: String = "", body: String = "arrived") throws {
    let heads = Heads()
    self.heads = heads
    server = try LoopbackServer { connection in
      while let head = connection.readRequest() {
        heads.all.withLock { $0.append(head) }
        connection.answer(body, status: status, headers: headers)
      }
    }
  }

  /// The values of a header in the last request.
  func last(_ header: String) -> [String] {
    (requests.last ?? "").components(separatedBy: "\r\n").filter {
      $0.lowercased().hasPrefix(header.lowercased() + ":")
    }.map { $0.dropFirst(header.count + 1).trimmingCharacters(in: .whitespaces) }
  }
}

@Suite(.timeLimit(.minutes(1)))
struct `The settings of a client` {
  func get(_ url: String, _ change: (inout HTTPConfiguration) -> Void) async -> (result: GetResult, words: String) {
    var configuration = HTTPConfiguration()
    change(&configuration)
    let session = HTTPSession(configuration)
    var result: (GetResult, String)
    do throws(HTTPError) {
      let answer = try await session.get(url, timeout: .seconds(10), limitBytes: 1000)
      result = (.answer(answer.status, String(decoding: answer.body, as: UTF8.self)), "")
    } catch {
      result = (.failure(error.kind), error.description)
    }
    await session.close()
    return result
  }

  @Test
  func `Name and password arrive as basic authentication`() async throws {
    let server = try RecordingServer()
    _ = await get(server.url) {
      $0.authentication = .basic(username: .text("Aladdin"), password: .text("open sesame"))
    }
    #expect(server.last("authorization") == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])
    _ = await get("http://Aladdin:open%20sesame@\(server.server.address)/") { _ in }
    #expect(server.last("authorization") == ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])
  }

  @Test
  func `A token in a file is read again when it has changed`() async throws {
    let server = try RecordingServer()
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: file) }
    var configuration = HTTPConfiguration()
    configuration.authentication = .credentials(type: "Bearer", .file(file))
    let session = HTTPSession(configuration)
    for token in ["first", "second, which is longer"] {
      try "  \(token)\n".write(toFile: file, atomically: true, encoding: .utf8)
      _ = try await session.get(server.url, timeout: .seconds(5), limitBytes: 100)
      #expect(server.last("authorization") == ["Bearer \(token)"])
    }
    try "two\nlines".write(toFile: file, atomically: true, encoding: .utf8)
    await #expect(
      throws: HTTPError(
        .settings, "the credentials in \(file): a line end or another character that no header can carry")
    ) {
      _ = try await session.get(server.url, timeout: .seconds(5), limitBytes: 100)
    }
    #expect(server.requests.count == 2)
    await session.close()
  }

  @Test
  func `Headers arrive, each value in a line of its own`() async throws {
    let server = try RecordingServer()
    _ = await get(server.url) {
      $0.headers = [HTTPHeaderSetting(name: "X-Scope", values: ["a", "b"], secrets: [.text("c")])]
    }
    #expect(server.last("x-scope") == ["a", "b", "c"])
  }

  @Test
  func `Secrets print as nothing that anybody may not see`() {
    var configuration = HTTPConfiguration()
    configuration.authentication = .basic(username: .text("hidden"), password: .text("hidden"))
    configuration.headers = [HTTPHeaderSetting(name: "X", secrets: [.text("hidden")])]
    configuration.tls.key = .text("hidden")
    configuration.proxy = ProxySettings(
      http: .init(host: "h", port: 1, username: "u", password: .text("hidden")), https: nil)
    var dumped = ""
    dump(configuration, to: &dumped)
    for text in ["\(configuration)", String(reflecting: configuration), dumped] { #expect(!text.contains("hidden")) }
  }

  @Test
  func `A redirect to another place gets no credentials, and none on the way back`() async throws {
    let last = try RecordingServer()
    let away = try RecordingServer(status: "302 Found", headers: "Location: \(last.url)\r\n")
    let near = try RecordingServer(status: "307 Temporary Redirect", headers: "Location: \(away.url)\r\n")
    let (result, _) = await get(near.url) {
      $0.authentication = .credentials(type: "Bearer", .text("token"))
      $0.headers = [HTTPHeaderSetting(name: "X-Key", values: ["plain"], secrets: [.text("secret")])]
    }
    #expect(result == .answer(200, "arrived"))
    #expect(near.last("authorization") == ["Bearer token"])
    #expect(near.last("x-key") == ["plain", "secret"])
    for server in [away, last] {
      #expect(server.last("authorization") == [])
      #expect(server.last("x-key") == ["plain"])
    }
  }

  @Test
  func `A redirect on the same server keeps the credentials`() async throws {
    let tokens = Mutex<[Bool]>([])
    let server = try LoopbackServer { connection in
      while let head = connection.readRequest() {
        tokens.withLock { $0.append(head.contains("Bearer token")) }
        let isThere = head.hasPrefix("GET /there?a=b ")
        connection.answer(
          "", status: isThere ? "200 OK" : "308 Permanent Redirect",
          headers: isThere ? "" : "Location: /there?a=b\r\n")
      }
    }
    #expect(
      await get(server.url) { $0.authentication = .credentials(type: "Bearer", .text("token")) }.result
        == .answer(200, ""))
    #expect(tokens.withLock { $0 } == [true, true])
  }

  @Test
  func `What is too long of the answer to a post is left out`() async throws {
    let session = HTTPSession()
    let server = try RecordingServer(status: "400 Bad Request", body: String(repeating: "ab", count: 5000))
    let answer = try await session.post(server.url, body: [], timeout: .seconds(5), limitBytes: 4001)
    #expect(answer.status == 400 && answer.body == Array((String(repeating: "ab", count: 2000) + "a").utf8))
    for encoding in ["br", "gzip", "deflate", "zstd"] {
      let server = try RecordingServer(headers: "Content-Encoding: \(encoding)\r\n", body: "plain")
      let answer = try await session.post(server.url, body: [], timeout: .seconds(5))
      #expect(answer.status == 200 && answer.body.isEmpty)
    }
    await session.close()
  }

  @Test
  func `A post follows only redirects that keep it a post`() async throws {
    let last = try RecordingServer()
    let session = HTTPSession()
    for (status, expected) in [("307 Temporary Redirect", 200), ("302 Found", 302)] {
      // Without a body, as the test's server reads none.
      let first = try RecordingServer(status: status, headers: "Location: \(last.url)\r\n")
      let answer = try await session.post(first.url, body: [], timeout: .seconds(5))
      #expect(answer.status == expected)
    }
    #expect(last.requests.count == 1)
    #expect(last.requests[0].hasPrefix("POST /metrics "))
    await session.close()
  }

  @Test
  func `A redirect to what is no HTTP is an error`() async throws {
    let server = try RecordingServer(status: "302 Found", headers: "Location: file:///etc/passwd\r\n")
    #expect(await get(server.url) { _ in }.result == .failure(.redirects))
  }

  @Test
  func `Plain HTTP goes through a proxy in absolute form`() async throws {
    let proxy = try TestProxy(password: "wonder")
    let place = ProxySettings.Server(
      host: "127.0.0.1", port: Int(proxy.port), username: "alice", password: .text("wonder"))
    let (result, _) = await get("http://target.example:9100/metrics?a=b") {
      $0.proxy = ProxySettings(http: place, https: place)
    }
    #expect(result == .answer(200, "seen by the proxy"))
    let request = try #require(proxy.requests.last)
    #expect(request.hasPrefix("GET http://target.example:9100/metrics?a=b HTTP/1.1\r\n"))
    #expect(request.lowercased().contains("\r\nhost: target.example:9100\r\n"))
  }

  @Test
  func `A proxy that is not there is named in the error`() async throws {
    let port = Int(try LoopbackServer.closedPort())
    let place = ProxySettings.Server(host: "127.0.0.1", port: port)
    let (result, words) = await get("http://target.example:9100/metrics") {
      $0.proxy = ProxySettings(http: place, https: place)
    }
    #expect(result == .failure(.refused))
    #expect(words == "connection refused by target.example:9100 (by the proxy 127.0.0.1:\(port))")
  }

  @Test
  func `What no_proxy names goes past the proxy`() async throws {
    let server = try RecordingServer()
    let proxy = try TestProxy()
    let place = ProxySettings.Server(host: "127.0.0.1", port: Int(proxy.port))
    let (result, _) = await get(server.url) {
      $0.proxy = ProxySettings(http: place, https: place, exceptions: ProxyExceptions("other.example, 127.0.0.0/8"))
    }
    #expect(result == .answer(200, "arrived"))
    #expect(proxy.requests.isEmpty)
  }

  @Test(arguments: [
    ("*", "any", 80, true), ("example.com", "example.com", 80, true), ("example.com", "a.example.com", 80, true),
    ("example.com", "badexample.com", 80, false), (".example.com", "example.com", 80, false),
    ("*.example.com", "a.example.com", 80, true), ("example.com:8080", "example.com", 80, false),
    ("example.com:8080", "example.com", 8080, true), ("10.1.2.3", "10.1.2.3", 1, true),
    ("10.1.2.3:2", "10.1.2.3", 1, false), ("10.0.0.0/9", "10.127.0.1", 1, true),
    ("10.0.0.0/9", "10.128.0.1", 1, false), ("[::1]:5", "::1", 5, true), ("fe80::/10", "fe80::7", 5, true),
    (" A.example , b ", "a.EXAMPLE", 80, true), ("", "a", 80, false), ("10.0.0.0/99", "10.0.0.1", 1, false),
  ])
  func `Exceptions are names, addresses and networks`(_ text: String, _ host: String, _ port: Int, _ fits: Bool) {
    #expect(ProxyExceptions(text).contains(host: host, port: port) == fits)
  }

  @Test
  func `Sessions are shared by who has the same settings`() async {
    let sessions = HTTPSessions()
    var other = HTTPConfiguration()
    other.authentication = .basic(username: .text("a"), password: nil)
    #expect(sessions.session(for: .init()) === sessions.session(for: .init()))
    #expect(sessions.session(for: other) !== sessions.session(for: .init()))
    await sessions.close()
  }
}

@Suite(.timeLimit(.minutes(1)))
struct `Answers in other encodings` {
  func get(_ body: [UInt8], _ encoding: String, limitBytes: Int = 1 << 20) async throws -> GetResult {
    let server = try LoopbackServer { connection in
      while connection.readRequest() != nil { connection.answer(body, headers: "Content-Encoding: \(encoding)\r\n") }
    }
    let session = HTTPSession()
    var result: GetResult
    do throws(HTTPError) {
      let answer = try await session.get(server.url, timeout: .seconds(10), limitBytes: limitBytes)
      result = .answer(answer.status, String(decoding: answer.body, as: UTF8.self))
    } catch {
      result = .failure(error.kind)
    }
    await session.close()
    return result
  }

  @Test
  func `Zstd is decoded, bombs and garbage are given up`() async throws {
    let frames = try ZstdFrames()
    #expect(try await get(frames.frame(Array("text".utf8)), "zstd") == .answer(200, "text"))
    #expect(try await get(frames.frame([UInt8](repeating: 0, count: 32 << 20)), "zstd") == .failure(.bodyTooLarge))
    #expect(try await get(Array("plain".utf8), "zstd") == .failure(.encoding))
    #expect(try await get(Array(frames.frame(Array("text".utf8)).dropLast()), "zstd") == .failure(.encoding))
  }

  @Test
  func `Deflate is decoded`() async throws {
    // zlib's form of “text”.
    let body: [UInt8] = [0x78, 0x9c, 0x2b, 0x49, 0xad, 0x28, 0x01, 0x00, 0x04, 0x67, 0x01, 0xc6]
    #expect(try await get(body, "deflate") == .answer(200, "text"))
  }
}
