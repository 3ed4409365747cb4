import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server over TLS on 127.0.0.1 at a free port; answers every request with `body` and keeps the requests' heads.
final class TLSServer: Sendable {
  private let channel: any Channel
  private let heads: Heads

  final class Heads: Sendable {
    let all = Mutex<[String]>([])
  }

  var port: Int { channel.localAddress?.port ?? 0 }
  var url: String { "https://127.0.0.1:\(port)/metrics" }
  var requests: [String] { heads.all.withLock { $0 } }

  /// With `clientCA` only clients whose certificate it has signed get through.
  init(
    _ certificates: TestCertificates, name: String, clientCA: String? = nil, maximum: TLSVersion? = nil,
    body: String = "a 1\n"
  ) async throws {
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.path("\(name).pem")).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.path("\(name).key"), format: .pem)))
    tls.maximumTLSVersion = maximum
    if let clientCA {
      tls.certificateVerification = .noHostnameVerification
      tls.trustRoots = .file(certificates.path("\(clientCA).pem"))
    }
    let context = try NIOSSLContext(configuration: tls)
    let heads = Heads()
    self.heads = heads
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
          try channel.pipeline.syncOperations.addHandler(Answering(heads, body))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
  }

  func close() async throws { try await channel.close() }

  private final class Answering: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let heads: Heads
    private let body: String
    private var head = ""

    init(_ heads: Heads, _ body: String) {
      self.heads = heads
      self.body = body
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      head += String(buffer: unwrapInboundIn(data))
      guard head.hasSuffix("\r\n\r\n") else { return }
      let request = head
      heads.all.withLock { $0.append(request) }
      head = ""
      let answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
      context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
