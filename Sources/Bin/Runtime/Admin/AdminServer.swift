import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// What the admin server shows.
protocol StatusSource: Sendable {
  /// Cheap enough for every few seconds; never waits for a network.
  func status() async -> StatusSnapshot

  /// All counters, in Prometheus' text format.
  func metrics() async -> String
}

/// Serves the status page, `/api/v1/status`, `/metrics`, `/-/healthy`, `/-/ready` and `/version`.
struct AdminServer: Service {
  let address: AdminAddress
  let source: any StatusSource
  let logger: Logger

  /// Returns when the server has stopped; throws when it cannot listen.
  func run() async throws {
    var quiet = logger
    // The library's own start and stop lines; ours say the same with the real port.
    quiet.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      router: AdminServer.router(source), configuration: .init(address: .hostname(address.host, port: address.port)),
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

  static func router(_ source: any StatusSource) -> Router<BasicRequestContext> {
    let router = Router(options: .autoGenerateHeadEndpoints)
    router.get("/") { _, _ in
      respond(.ok, "text/html; charset=utf-8", StatusPage.render(await source.status()))
    }
    router.get("/metrics") { _, _ in respond(.ok, MetricsText.contentType, await source.metrics()) }
    router.get("/-/healthy") { _, _ in respond(.ok, "text/plain; charset=utf-8", "healthy\n") }
    router.get("/-/ready") { _, _ in
      let ready = await source.status().ready
      return respond(
        ready ? .ok : .serviceUnavailable, "text/plain; charset=utf-8", ready ? "ready\n" : "not ready\n")
    }
    router.get("/api/v1/status") { _, _ in
      respond(.ok, "application/json", try AdminServer.json(await source.status()))
    }
    router.get("/version") { _, _ in respond(.ok, "application/json", BuildInfo.current.json + "\n") }
    return router
  }

  static func json(_ status: StatusSnapshot) throws -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(status), as: UTF8.self) + "\n"
  }

  private static func respond(_ status: HTTPResponse.Status, _ contentType: String, _ text: String) -> Response {
    var headers = HTTPFields()
    headers[.contentType] = contentType
    headers[.cacheControl] = "no-store"
    headers[.xContentTypeOptions] = "nosniff"
    // The page brings its style along and wants nothing else.
    headers[.contentSecurityPolicy] = "default-src 'none'; style-src 'unsafe-inline'"
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
