import ArgumentParser
import GatewayCollectors
import Runtime

struct GatewayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gateway",
    abstract: "Receives metrics, keeps them in a durable log and forwards them.",
    discussion: GatewayOptions.discussion)

  @OptionGroup var options: RoleOptions
  @OptionGroup var gateway: GatewayOptions

  func run() async throws { try await options.run(.gateway, gateway.apply) }
}

struct PromtailGatewayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "promtail-gateway",
    abstract: "Receives logs, keeps them in a durable log and forwards them.",
    discussion: GatewayOptions.discussion)

  @OptionGroup var options: RoleOptions
  @OptionGroup var gateway: GatewayOptions

  func run() async throws { try await options.run(.promtailGateway, gateway.apply) }
}

/// The original's flags of both gateways. They come before what the file says.
struct GatewayOptions: ParsableArguments {
  static let discussion = """
    Listens for gRPC on :15610 and for HTTP on :15611 unless the file or these flags say otherwise; “none” turns one off. Runs \
    until SIGTERM or SIGINT, and then stops in order within seconds; a second signal ends it at once (exit code 143 or 130).
    """

  @Option(name: .customLong("gateway.grpc-server.host-port"), help: "Where gRPC is served (default :15610).")
  var grpcAddress: String?

  @Flag(name: .customLong("gateway.grpc-server.tls.enabled"), help: "Serve gRPC with TLS only.")
  var grpcTLS = false

  @Option(name: .customLong("gateway.grpc-server.tls.cert"), help: "The gRPC server's certificate, a PEM file.")
  var grpcCertificate: String?

  @Option(name: .customLong("gateway.grpc-server.tls.key"), help: "The key of that certificate, a PEM file.")
  var grpcKey: String?

  @Option(name: .customLong("gateway.grpc-server.tls.client-ca"), help: "Who signs senders' certificates, a PEM file.")
  var grpcClientCA: String?

  @Option(name: .customLong("gateway.http-server.host-port"), help: "Where HTTP is served (default :15611).")
  var httpAddress: String?

  @Flag(name: .customLong("gateway.http-server.tls.enabled"), help: "Serve HTTP with TLS only.")
  var httpTLS = false

  @Option(name: .customLong("gateway.http-server.tls.cert"), help: "The HTTP server's certificate, a PEM file.")
  var httpCertificate: String?

  @Option(name: .customLong("gateway.http-server.tls.key"), help: "The key of that certificate, a PEM file.")
  var httpKey: String?

  @Option(name: .customLong("gateway.http-server.tls.client-ca"), help: "Who signs senders' certificates, a PEM file.")
  var httpClientCA: String?

  private var grpc: GatewayServerFlags {
    GatewayServerFlags(
      name: "gateway.grpc-server", address: grpcAddress, tls: grpcTLS, certificate: grpcCertificate, key: grpcKey,
      clientCA: grpcClientCA)
  }

  private var http: GatewayServerFlags {
    GatewayServerFlags(
      name: "gateway.http-server", address: httpAddress, tls: httpTLS, certificate: httpCertificate, key: httpKey,
      clientCA: httpClientCA)
  }

  func validate() throws {
    if let fault = grpc.fault ?? http.fault { throw ValidationError(fault) }
  }

  func apply(_ configuration: inout Configuration) { configuration.apply(grpc: grpc, http: http) }
}
