import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization

/// The program's HTTP client: keeps connections and reuses them. One for scraping, discovery and delivery.
///
/// Secrets and certificates in files are looked at with each request; new certificates are used for new connections, while requests under way
/// are finished with the old ones.
public final class HTTPSession: Sendable {
  private struct State {
    var clients: ClientSet?
    var isClosed = false
  }

  private let configuration: HTTPConfiguration
  private let files = FileTexts()
  private let state = Mutex(State())

  var sentSecrets: SentSecrets { SentSecrets(configuration: configuration, files: files) }

  public init(_ configuration: HTTPConfiguration = .init()) {
    self.configuration = configuration
  }

  /// Ends all connections. Requests that run end with an error.
  public func close() async {
    let clients = state.withLock { state in
      state.isClosed = true
      defer { state.clients = nil }
      return state.clients
    }
    await clients?.close()
  }

  /// The answer to a GET, read to its last byte. Only for requests that may be made twice without harm: when the server closes the connection before
  /// it answers, the request is sent once more; see ``KeptConnection``. `timeout` covers everything up to there, redirects included. A body of more than
  /// `limitBytes` after decoding is given up as soon as that is known; nothing is allocated by what the server announces. zstd and gzip are
  /// asked for, unless `headers` has an Accept-Encoding. `expectedBytes` is what the body had the last time.
  public func get(
    _ url: String, headers: [(name: String, value: String)] = [], timeout: Duration, limitBytes: Int,
    expectedBytes: Int = 0
  ) async throws(HTTPError) -> HTTPAnswer {
    var headers = headers
    if !headers.contains(where: { $0.name.lowercased() == "accept-encoding" }) {
      headers.append(("Accept-Encoding", "zstd, gzip"))
    }
    let exchange = Exchange(
      method: .GET, url: try RequestURL(url), sentURL: url, headers: headers, body: nil, timeout: timeout,
      limitBytes: limitBytes,
      expectedBytes: expectedBytes)
    return try await answer(to: exchange)
  }

  /// The answer to a POST, read to its last byte; never sent twice, except where the server redirects it as it is (307, 308). Any other
  /// redirect is the answer. Of a body that is larger than `limitBytes`, or that cannot be decoded, the answer has what could be read: the
  /// status says what has become of the request, and another request would get the same. As `get` in everything else.
  public func post(
    _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8], timeout: Duration,
    limitBytes: Int = 1 << 20
  ) async throws(HTTPError) -> HTTPAnswer {
    let body = WatchedBody(body)
    let exchange = Exchange(
      method: .POST, url: try RequestURL(url), sentURL: url, headers: headers, body: body, timeout: timeout,
      limitBytes: limitBytes, expectedBytes: 0)
    do {
      return try await answer(to: exchange)
    } catch {
      var error = error
      error.mayHaveArrived = body.wasBegun
      throw error
    }
  }

  private struct Exchange: Sendable {
    let method: HTTPMethod
    let url: RequestURL
    /// With what `url` has taken out of it.
    let sentURL: String
    let headers: [(name: String, value: String)]
    let body: WatchedBody?
    let timeout: Duration
    let limitBytes: Int
    let expectedBytes: Int
  }

  private func answer(to exchange: Exchange) async throws(HTTPError) -> HTTPAnswer {
    let server = exchange.url.authority
    let result = await withTaskGroup(of: Result<HTTPAnswer, HTTPError>.self) { group in
      group.addTask { await self.run(exchange) }
      group.addTask {
        do {
          try await Task.sleep(for: exchange.timeout)
          return .failure(HTTPError(.timedOut, "no complete answer from \(server) within \(exchange.timeout)"))
        } catch {
          return .failure(HTTPError(.cancelled, "the request was cancelled"))
        }
      }
      let first = await group.next()
      group.cancelAll()
      return first ?? .failure(HTTPError(.cancelled, "the request was cancelled"))
    }
    // Some words are the server's, which may repeat what it was sent.
    return try result.mapError { $0.hiding(sentSecrets.texts(sentTo: exchange.sentURL)) }.get()
  }

  /// The request and those that redirects make of it.
  private func run(_ exchange: Exchange) async -> Result<HTTPAnswer, HTTPError> {
    var redirects = Redirects(from: exchange.url, limit: configuration.redirectLimit)
    do {
      while true {
        let route = Route(to: redirects.url, configuration, isTrusted: redirects.isTrusted)
        let answer = try await clientSet().withClient(for: route) { client -> HTTPAnswer? in
          let response = try await response(to: exchange, redirects, route, client)
          let location = response.headers.first(name: "location")
          let status = Int(response.status.code)
          if try redirects.follow(status: status, location: location, hasBody: exchange.body != nil) { return nil }
          return try await read(response, from: redirects.url.authority, exchange)
        }
        if let answer { return .success(answer) }
      }
    } catch {
      return .failure(described(error, redirects.url))
    }
  }

  /// The clients for the certificates as they are now.
  private func clientSet() throws(HTTPError) -> ClientSet {
    let certificates = try ClientCertificates(configuration.tls, files)
    let headers = RequestHeaders(configuration: configuration, files: files)
    // The set that is replaced may end here, which must not happen under the lock.
    let (clients, replaced) = try state.withLock { state throws(HTTPError) -> (ClientSet, ClientSet?) in
      guard !state.isClosed else { throw HTTPError(.other, "the client is closed") }
      if let clients = state.clients, clients.certificates == certificates { return (clients, nil) }
      let replaced = state.clients
      let clients = ClientSet(configuration, certificates, headers)
      state.clients = clients
      return (clients, replaced)
    }
    withExtendedLifetime(replaced) {}
    return clients
  }

  /// The head of the answer.
  private func response(
    to exchange: Exchange, _ redirects: Redirects, _ route: Route, _ client: HTTPClient
  ) async throws -> HTTPClientResponse {
    let request = try request(for: exchange, redirects, route)
    // The library's own deadline ends with the response's head; the race in `answer` covers the rest. A little later, so that the race
    // finds the words.
    let deadline = NIODeadline.now() + TimeAmount(exchange.timeout) + .seconds(1)
    do {
      return try await client.execute(request, deadline: deadline)
    } catch
      where exchange.method == .GET && KeptConnection.wasClosed(by: error, isCancelled: Task.isCancelled)
    {
      return try await client.execute(request, deadline: deadline)
    }
  }

  private func request(
    for exchange: Exchange, _ redirects: Redirects, _ route: Route
  ) throws(HTTPError) -> HTTPClientRequest {
    let url = redirects.url
    let maker = RequestHeaders(configuration: configuration, files: files)
    var headers = try maker.headers(exchange.headers, for: redirects)
    var place = url.text
    if let proxy = route.proxy, !route.isTunnel {
      let host = proxy.host.contains(":") ? "[\(proxy.host)]" : proxy.host
      place = "http://\(host):\(proxy.port)\(url.pathAndQuery)"
      headers.replaceOrAdd(name: "Host", value: url.authority)
      if let username = proxy.username {
        headers.add(name: "Proxy-Authorization", value: try maker.basic(.text(username), proxy.password))
      }
    } else if route.pinnedHost != nil, let name = configuration.tls.serverName {
      // The library asks TLS for the host of the URL, and connects to the one that stands for it.
      place = "https://\(name):\(url.port)\(url.pathAndQuery)"
      headers.replaceOrAdd(name: "Host", value: url.authority)
    }
    var request = HTTPClientRequest(url: place)
    request.method = exchange.method
    request.headers = headers
    if let body = exchange.body { request.body = .stream(body, length: .known(Int64(body.count))) }
    return request
  }

  private func read(
    _ response: HTTPClientResponse, from server: String, _ exchange: Exchange
  ) async throws -> HTTPAnswer {
    let encoding = response.headers.first(name: "content-encoding")?.lowercased() ?? ""
    var body = AnswerBody(server: server, limitBytes: exchange.limitBytes, takesParts: exchange.body != nil)
    try await body.read(response.body, encoding: encoding, expectedBytes: exchange.expectedBytes)
    return HTTPAnswer(
      status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) }, body: body.bytes,
      receivedBytes: body.receivedBytes)
  }

  private func described(_ error: any Error, _ url: RequestURL) -> HTTPError {
    let proxy = configuration.proxy?.server(isTLS: url.isTLS, host: url.host, port: url.port)
    let server = proxy.map { "\(url.authority) (by the proxy \($0.host):\($0.port))" } ?? url.authority
    return HTTPError(
      describing: error, server: server, connectTimeout: configuration.connectTimeout, isCancelled: Task.isCancelled)
  }
}
