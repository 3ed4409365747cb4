import HTTPTypes
import Hummingbird
import LooseTables
import Model
import NIOCore
import Wire

/// What a request comes with besides itself: the connection.
struct GatewayRequestContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  /// The sender's, without its port.
  let remoteAddress: String

  init(source: Source) {
    coreContext = .init(source: source)
    remoteAddress = source.channel.remoteAddress?.ipAddress ?? "unknown"
  }
}

/// Answers the gateway's HTTP requests.
struct GatewayResponder: HTTPResponder {
  typealias Context = GatewayRequestContext

  let shared: GatewayShared

  func respond(to request: Request, context: Context) async throws -> Response {
    let path = GatewayRoute.path(of: request.uri.path)
    do {
      let answered = try await respond(to: request, address: context.remoteAddress)
      // Health checks are no requests.
      if let path { shared.counting.answered(path, answered.outcome) }
      return answered.response
    } catch let refusal as Refusal {
      shared.counting.answered(path ?? .other, refusal.kind.rawValue)
      var response = Self.response(refusal)
      if path == .remoteWrite { Self.say(Push.Counts(), in: &response) }
      if refusal.kind == .wrongMethod { response.headers[.allow] = path == nil ? "GET, HEAD" : "POST" }
      return response
    }
  }

  private struct Answered {
    var response: Response
    /// For figures.
    var outcome = "stored"
  }

  private func respond(to request: Request, address: String) async throws -> Answered {
    let route = try GatewayRoute(
      method: request.method.rawValue, path: request.uri.path, contentType: request.headers[.contentType],
      contentEncoding: request.headers[.contentEncoding], signal: shared.settings.signal)
    switch route {
    case .health: return Answered(response: Self.text(.ok, "healthy\n"))
    case .ready:
      guard let problem = shared.notReady else { return Answered(response: Self.text(.ok, "ready\n")) }
      // Nobody has to say here who he is, so that nobody is told more; the admin pages say why.
      return Answered(response: Self.text(.serviceUnavailable, "not ready: \(problem)\n"))
    case .blocks, .push: break
    }
    try shared.mustNotStop()
    let sender = try shared.senders.sender(authorization: request.headers[.authorization], address: address)
    do {
      try sender.record.admitBody()
      switch route {
      case .push(let push): return try await take(push, request, sender)
      default: return try await takeBlocks(request, sender)
      }
    } catch let refusal as Refusal {
      sender.record.failed(refusal.reason)
      throw refusal
    }
  }

  private func takeBlocks(_ request: Request, _ sender: Sender) async throws -> Answered {
    let lease = shared.budget.lease(within: sender.record.share)
    let body = try await read(request, DeliverRequest.limitBytes, lease, sender)
    // The request holds a copy of each part.
    try lease.grow(body.count)
    let message: DeliverRequest
    do throws(WireError) {
      message = try DeliverRequest(decoding: body)
    } catch {
      throw Refusal(error.kind == .tooLarge ? .tooLarge : .invalid, "\(error); sending it again does not help")
    }
    try shared.blocks.mustBeHere(message)
    var isSkipping = false
    let answers = await shared.blocks.take([message], from: sender, isSkipping: &isSkipping)
    withExtendedLifetime(lease) {}
    var response = Response(
      status: .ok, headers: [.contentType: "application/x-protobuf"],
      body: .init(byteBuffer: ByteBuffer(bytes: answers.first?.encoded() ?? [])))
    if let pause = answers.first?.retryAfterMilliseconds {
      response.headers[.retryAfter] = "\(max(1, (pause + 999) / 1000))"
    }
    return Answered(response: response, outcome: answers.first?.outcome ?? "stored")
  }

  private func take(_ push: GatewayRoute.Push, _ request: Request, _ sender: Sender) async throws -> Answered {
    let tenant = try sender.tenant(asked: HTTPField.Name("X-Scope-OrgID").flatMap { request.headers[$0] })
    let lease = shared.budget.lease(within: sender.record.share)
    let body = try push.encoding.decode(
      try await read(request, sender.limits.bodyBytes, lease, sender), limitBytes: sender.limits.decodedBytes, lease)
    let answer = try await shared.pushes.take(body, as: push.form, tenant: tenant, from: sender)
    withExtendedLifetime(lease) {}
    var response =
      answer.partial.map(Self.response)
      ?? Response(status: .init(code: push.success), headers: [:], body: .init())
    if push.saysWritten { Self.say(answer.written, in: &response) }
    if let partial = answer.partial { sender.record.failed(partial.reason) }
    return Answered(response: response, outcome: answer.outcome)
  }

  /// How much was written, as remote write 2.0 wants it in every answer.
  private static func say(_ written: Push.Counts, in response: inout Response) {
    let counts = [
      ("Samples", written.samples), ("Histograms", written.histograms), ("Exemplars", written.exemplars),
    ]
    for (what, count) in counts {
      if let name = HTTPField.Name("X-Prometheus-Remote-Write-\(what)-Written") { response.headers[name] = "\(count)" }
    }
  }

  /// The body as it came, at most `limitBytes`.
  private func read(
    _ request: Request, _ limitBytes: Int, _ lease: ByteBudget.Lease, _ sender: Sender
  ) async throws -> [UInt8] {
    let tooLarge = Refusal(
      .tooLarge, "the body is larger than \(limitBytes) bytes, which is the limit; less at once may be taken")
    // Only good for saying no: how long the body is shows when it is there.
    if let announced = request.headers[.contentLength].flatMap({ Int($0) }), announced > limitBytes { throw tooLarge }
    var body: [UInt8] = []
    for try await part in request.body {
      guard part.readableBytes <= limitBytes - body.count else { throw tooLarge }
      try lease.grow(part.readableBytes)
      part.withUnsafeReadableBytes { body.append(contentsOf: $0) }
    }
    sender.record.spend(bytes: body.count)
    let count = body.count
    shared.counting.update { $0.bytes += UInt64(count) }
    return body
  }

  // MARK: answers

  static func response(_ refusal: Refusal) -> Response {
    let status: HTTPResponse.Status =
      switch refusal.kind {
      case .invalid: .badRequest
      case .unauthenticated: .unauthorized
      case .tooLarge: .contentTooLarge
      case .tooMuch: .tooManyRequests
      case .unavailable: .serviceUnavailable
      case .unsupported: .unsupportedMediaType
      case .notFound: .notFound
      case .wrongMethod: .methodNotAllowed
      }
    var response = text(status, refusal.reason + "\n")
    if let seconds = refusal.retryAfterSeconds { response.headers[.retryAfter] = "\(seconds)" }
    if refusal.kind == .unauthenticated { response.headers[.wwwAuthenticate] = "Bearer, Basic realm=\"clymene\"" }
    return response
  }

  private static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8", .xContentTypeOptions: "nosniff"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }
}
