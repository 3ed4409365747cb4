import NIOCore
import NIOTLS
import Synchronization

/// What was seen of a connection.
final class ConnectionNotes: Sendable {
  private struct State {
    var error: (any Error)?
    var written = 0
    var read = 0
  }

  private let state = Mutex(State())

  /// The first error: those behind it follow from it.
  var error: (any Error)? { state.withLock { $0.error } }
  var bytes: (written: Int, read: Int) { state.withLock { ($0.written, $0.read) } }

  func note(_ error: any Error) { state.withLock { $0.error = $0.error ?? error } }
  fileprivate func wrote(_ count: Int) { state.withLock { $0.written += count } }
  fileprivate func read(_ count: Int) { state.withLock { $0.read += count } }
}

/// Stands between TLS and a protocol and sees when the connection is ready, what breaks it, and how many bytes pass. Protocols above swallow errors.
final class ConnectionWitness: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let notes: ConnectionNotes
  private let ready: EventLoopPromise<Void>
  private let waitsForTLS: Bool
  private var isReady = false

  init(_ notes: ConnectionNotes, ready: EventLoopPromise<Void>, waitsForTLS: Bool) {
    self.notes = notes
    self.ready = ready
    self.waitsForTLS = waitsForTLS
  }

  private func becomeReady() {
    guard !isReady else { return }
    isReady = true
    ready.succeed(())
  }

  private func fail(_ error: any Error) {
    guard !isReady else { return }
    isReady = true
    ready.fail(error)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    if !waitsForTLS, context.channel.isActive { becomeReady() }
  }

  /// Also when the connection never came to be.
  func handlerRemoved(context: ChannelHandlerContext) { fail(ChannelError.ioOnClosedChannel) }

  func channelActive(context: ChannelHandlerContext) {
    if !waitsForTLS { becomeReady() }
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(ChannelError.eof)
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if waitsForTLS, case .handshakeCompleted? = event as? TLSUserEvent { becomeReady() }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    notes.note(error)
    fail(error)
    context.fireErrorCaught(error)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    notes.read(unwrapInboundIn(data).readableBytes)
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    notes.wrote(unwrapOutboundIn(data).readableBytes)
    context.write(data, promise: promise)
  }
}
