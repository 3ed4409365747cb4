import HTTP
import Model

/// Posts requests to gateways over HTTP, without deciding which.
struct GatewayPoster: Sendable {
  struct Reply: Sendable {
    /// What the status, or having none, says of the rows.
    var outcome: Outcome
    /// With a status of 2xx.
    var body: [UInt8]?
    var status: Int?
    /// Without a status: the request had begun to be sent.
    var mayHaveArrived = false

    /// What it says about the gateway.
    var event: GatewayChoice.Event {
      switch outcome {
      case .misconfigured: .unreachable
      case .retry: status == nil ? (mayHaveArrived ? .inDoubt : .unreachable) : .declined
      default: .settled
      }
    }
  }

  private let configuration: GatewayConfiguration
  private let sessions = HTTPSessions()
  private let headers: [(name: String, value: String)]

  init(_ configuration: GatewayConfiguration, headers: [(name: String, value: String)]) {
    self.configuration = configuration
    self.headers = headers
  }

  func post(_ bytes: [UInt8], to path: String, at place: GatewayPlace, limitBytes: Int = 4 << 20) async -> Reply {
    let url = "\(configuration.isTLS ? "https" : "http")://\(place.text)\(path)"
    var http = configuration.http
    if let name = place.name, configuration.isTLS, http.tls.serverName == nil { http.tls.serverName = name }
    let session = sessions.session(for: http)
    do throws(HTTPError) {
      let answer = try await session.post(
        url, headers: headers, body: bytes, timeout: configuration.timeout, limitBytes: limitBytes)
      let outcome = GatewayAnswer.outcome(
        ofStatus: answer.status, answer.header, body: answer.body, from: place.text, now: FileForwarder.wallClock(),
        hide: { session.hide($0, sentTo: url) })
      // A proxy's 5xx may stand for an answer that was lost behind it.
      return Reply(
        outcome: outcome, body: (200...299).contains(answer.status) ? answer.body : nil, status: answer.status,
        mayHaveArrived: answer.status >= 500)
    } catch {
      return Reply(outcome: GatewayAnswer.outcome(of: error), mayHaveArrived: error.mayHaveArrived)
    }
  }

  func close() async { await sessions.close() }
}
