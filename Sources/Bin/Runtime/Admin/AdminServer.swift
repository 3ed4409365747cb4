import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// What the admin server shows of the program.
protocol StatusSource: Sendable {
  /// Cheap enough for every few seconds; never waits for a network. What `parts` does not ask for is empty.
  func status(_ parts: StatusParts) async -> StatusSnapshot

  /// All counters, in Prometheus' text format.
  func metrics() async -> String

  /// Whether everything runs. Answers at once.
  var isReady: Bool { get }
}

/// Parts of the status that cost something: there may be thousands of targets, and as many open files.
struct StatusParts: OptionSet, Sendable {
  let rawValue: Int

  static let targets = StatusParts(rawValue: 1)
  static let process = StatusParts(rawValue: 2)
}

/// Serves the pages, `/api/v1/status`, `/api/v1/history`, `/api/v1/config`, `/metrics`, `/-/healthy`, `/-/ready` and `/version`.
struct AdminServer: Service {
  /// Where everything that is shown comes from.
  struct Content: Sendable {
    var source: any StatusSource
    var history: @Sendable () -> History
    /// The configuration without its secrets.
    var configurationText: String
  }

  let address: AdminAddress
  let content: Content
  let logger: Logger

  /// Returns when the server has stopped; throws when it cannot listen.
  func run() async throws {
    var quiet = logger
    // The library's own start and stop lines; ours say the same with the real port.
    quiet.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      router: AdminServer.router(content), configuration: .init(address: .hostname(address.host, port: address.port)),
      onServerRunning: { [logger] channel in
        logger.info(
          "admin server listens", metadata: ["address": "\(channel.localAddress.map(AdminServer.text) ?? "")"])
      }, logger: quiet)
    do {
      try await application.run()
    } catch {
      throw AdminServerError(address: address, reason: "\(error)")
    }
  }

  static func router(_ content: Content) -> Router<BasicRequestContext> {
    let router = Router(options: .autoGenerateHeadEndpoints)
    let source = content.source
    let plain = "text/plain; charset=utf-8"
    router.get("/") { _, _ in html(OverviewPage.render(await source.status([.targets, .process]), content.history())) }
    router.get("/targets") { request, _ in
      let asked = request.uri.queryParameters
      let filter = TargetsPage.Filter(health: asked.get("health"), job: asked.get("job"), from: asked.get("from"))
      return html(TargetsPage.render(await source.status(.targets), filter))
    }
    router.get("/log") { _, _ in html(LogPage.render(await source.status([]), content.history())) }
    router.get("/forwarders") { _, _ in html(ForwardersPage.render(await source.status([]), content.history())) }
    router.get("/config") { _, _ in
      html(ConfigurationPage.render(await source.status([]), sanitizedText: content.configurationText))
    }
    router.get("/metrics") { _, _ in respond(.ok, MetricsText.contentType, await source.metrics()) }
    router.get("/-/healthy") { _, _ in respond(.ok, plain, "healthy\n") }
    router.get("/-/ready") { _, _ in
      source.isReady ? respond(.ok, plain, "ready\n") : respond(.serviceUnavailable, plain, "not ready\n")
    }
    router.get("/api/v1/status") { _, _ in
      respond(.ok, "application/json", try AdminServer.json(await source.status([.targets, .process])))
    }
    router.get("/api/v1/history") { _, _ in
      respond(.ok, "application/json", HistoryJSON.text(content.history()))
    }
    router.get("/api/v1/config") { _, _ in respond(.ok, "application/yaml", content.configurationText) }
    router.get("/version") { _, _ in respond(.ok, "application/json", BuildInfo.current.json + "\n") }
    return router
  }

  static func json(_ status: StatusSnapshot) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(status), as: UTF8.self) + "\n"
  }

  private static func html(_ text: String) -> Response { respond(.ok, "text/html; charset=utf-8", text) }

  private static func respond(_ status: HTTPResponse.Status, _ contentType: String, _ text: String) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = contentType
    headers[.cacheControl] = "no-store"
    headers[.xContentTypeOptions] = "nosniff"
    // The page brings its style along and wants nothing else.
    headers[.contentSecurityPolicy] =
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
  }

  private static func text(_ address: SocketAddress) -> String {
    let host = address.ipAddress ?? "?"
    return (host.contains(":") ? "[\(host)]" : host) + ":\(address.port ?? 0)"
  }
}

/// The admin server cannot listen, or stopped by itself.
struct AdminServerError: Error, CustomStringConvertible {
  var address: AdminAddress
  var reason: String

  var description: String { "the admin server on \(address): \(reason)" }
}
