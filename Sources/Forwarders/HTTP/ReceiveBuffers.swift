import NIOCore

/// How much a connection may hold for what comes in.
///
/// By itself a connection keeps up to four buffers of 64 KiB for its whole life, so that a hundred targets, whose connections stay open from
/// scrape to scrape, hold 26 MB of them.
enum ReceiveBuffers {
  private static let bytes = 16 << 10

  @Sendable static func limit(_ channel: any Channel) -> EventLoopFuture<Void> {
    channel.setOption(.maxMessagesPerRead, value: 1).flatMap {
      channel.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: bytes))
    }
  }
}
