import AsyncHTTPClient
import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// The program's HTTP client: keeps connections and reuses them. One for scraping, discovery and delivery.
public final class HTTPSession: Sendable {
  private let client: HTTPClient
  private let configuration: HTTPConfiguration

  public init(_ configuration: HTTPConfiguration = .init()) {
    self.configuration = configuration
    var settings = HTTPClient.Configuration()
    settings.timeout.connect = TimeAmount(configuration.connectTimeout)
    settings.connectionPool.idleTimeout = TimeAmount(configuration.idleTimeout)
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.keptConnectionsPerHost
    // The caller decides about trying again; here it would turn "refused" into a slow timeout.
    settings.connectionPool.retryConnectionEstablishment = false
    settings.redirectConfiguration =
      configuration.redirectLimit > 0
      ? .follow(max: configuration.redirectLimit, allowCycles: false) : .disallow
    // Bodies are decoded here, where the limit is kept exactly.
    settings.decompression = .disabled
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
  }

  deinit {
    // The library traps on a client that is dropped open; after `close` this answers with an error that says nothing new.
    client.shutdown { _ in }
  }

  /// Ends all connections. Requests that run end with an error.
  public func close() async {
    // It fails only when it was closed before.
    try? await client.shutdown()
  }

  /// The answer to a GET, read to its last byte. Only for requests that may be made twice without harm: when the server closes the connection before
  /// it answers, the request is sent once more. `timeout` covers everything up to there, redirects included. A body of more than
  /// `limitBytes` after decoding is given up as soon as that is known; nothing is allocated by what the server announces.
  public func get(
    _ url: String, headers: [(name: String, value: String)] = [], timeout: Duration, limitBytes: Int
  ) async throws(HTTPError) -> HTTPAnswer {
    var request = HTTPClientRequest(url: url)
    request.method = .GET
    for header in headers { request.headers.add(name: header.name, value: header.value) }
    if !request.headers.contains(name: "accept-encoding") {
      request.headers.add(name: "accept-encoding", value: "gzip")
    }
    return try await answer(to: request, url: url, mayRepeat: true, timeout: timeout, limitBytes: limitBytes)
  }

  /// The answer to a POST, read to its last byte; never sent twice, and redirected only where that needs no body. As `get` in everything else.
  public func post(
    _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8], timeout: Duration,
    limitBytes: Int = 1 << 20
  ) async throws(HTTPError) -> HTTPAnswer {
    var request = HTTPClientRequest(url: url)
    request.method = .POST
    for header in headers { request.headers.add(name: header.name, value: header.value) }
    let watched = WatchedBody(body)
    request.body = .stream(watched, length: .known(Int64(body.count)))
    do {
      return try await answer(to: request, url: url, mayRepeat: false, timeout: timeout, limitBytes: limitBytes)
    } catch {
      var error = error
      error.mayHaveArrived = watched.wasBegun
      throw error
    }
  }

  private func answer(
    to request: HTTPClientRequest, url: String, mayRepeat: Bool, timeout: Duration, limitBytes: Int
  ) async throws(HTTPError) -> HTTPAnswer {
    let server = Self.server(of: url)
    let result = await withTaskGroup(of: Result<HTTPAnswer, HTTPError>.self) { group in
      group.addTask {
        await self.exchange(request, server: server, mayRepeat: mayRepeat, timeout: timeout, limitBytes: limitBytes)
      }
      group.addTask {
        do {
          try await Task.sleep(for: timeout)
          return .failure(HTTPError(.timedOut, "no complete answer from \(server) within \(timeout)"))
        } catch {
          return .failure(HTTPError(.cancelled, "the request was cancelled"))
        }
      }
      let first = await group.next()
      group.cancelAll()
      return first ?? .failure(HTTPError(.cancelled, "the request was cancelled"))
    }
    return try result.get()
  }

  private func exchange(
    _ request: HTTPClientRequest, server: String, mayRepeat: Bool, timeout: Duration, limitBytes: Int
  ) async -> Result<HTTPAnswer, HTTPError> {
    do {
      let response = try await response(to: request, mayRepeat: mayRepeat, timeout: timeout)
      return .success(try await Self.read(response, server: server, limitBytes: limitBytes))
    } catch {
      return .failure(described(error, server))
    }
  }

  /// The head of the answer. A server may close a kept connection just when the request is on its way, for example because its own idle time is
  /// the scrape interval; then the request goes once more over a new one, as Go's client does it, too. Only when the server closed before its
  /// answer: a reset, or an answer that broke off, may mean that it has stumbled over this very request.
  private func response(
    to request: HTTPClientRequest, mayRepeat: Bool, timeout: Duration
  ) async throws -> HTTPClientResponse {
    // The library's own deadline ends with the response's head; the race in `get` covers the rest. A little later, so that the race
    // finds the words.
    let deadline = NIODeadline.now() + TimeAmount(timeout) + .seconds(1)
    do {
      return try await client.execute(request, deadline: deadline)
    } catch let error as HTTPClientError where mayRepeat && error == .remoteConnectionClosed {
      return try await client.execute(request, deadline: deadline)
    }
  }

  private func described(_ error: any Error, _ server: String) -> HTTPError {
    HTTPError(describing: error, server: server, connectTimeout: configuration.connectTimeout)
  }

  private static func read(
    _ response: HTTPClientResponse, server: String, limitBytes: Int
  ) async throws -> HTTPAnswer {
    let encoding = response.headers.first(name: "content-encoding")?.lowercased() ?? ""
    var body: [UInt8] = []
    var receivedBytes = 0
    func tooLarge() -> HTTPError {
      HTTPError(.bodyTooLarge, "the body of \(server)'s answer is larger than the limit of \(limitBytes) bytes")
    }
    switch encoding {
    case "", "identity":
      for try await part in response.body {
        receivedBytes += part.readableBytes
        guard receivedBytes <= limitBytes else { throw tooLarge() }
        part.withUnsafeReadableBytes { body.append(contentsOf: $0) }
      }
    case "gzip", "x-gzip":
      guard var inflater = GzipInflater() else { throw HTTPError(.other, "no memory to decode gzip") }
      for try await part in response.body {
        receivedBytes += part.readableBytes
        do throws(GzipInflater.Failure) {
          try part.withUnsafeReadableBytes { bytes throws(GzipInflater.Failure) in
            try inflater.inflate(bytes, into: &body, limitBytes: limitBytes)
          }
        } catch {
          switch error {
          case .tooLarge: throw tooLarge()
          case .malformed(let reason):
            throw HTTPError(
              .encoding, "the body of \(server)'s answer is not the gzip that it is said to be: \(reason)")
          }
        }
      }
      guard inflater.isComplete else { throw HTTPError(.encoding, "the gzip of \(server)'s answer ends early") }
    default:
      throw HTTPError(.encoding, "\(server) answered with Content-Encoding \(encoding), which was not asked for")
    }
    return HTTPAnswer(
      status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) }, body: body,
      receivedBytes: receivedBytes)
  }

  /// Host and port as they stand in the URL, without credentials.
  public static func server(of url: String) -> String {
    let afterScheme = url.split(separator: "://", maxSplits: 1).last ?? ""
    let authority = afterScheme.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    return String(authority.split(separator: "@").last ?? "")
  }
}
