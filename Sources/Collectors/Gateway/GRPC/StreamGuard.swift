import NIOCore
import NIOHTTP2

/// Holds the bytes of a call's messages against the budget until they are answered, and ends a call whose message is slow to come. For one call.
///
/// The library gathers a message before anybody else sees it, so that this has to be done where the frames come in. Every method answers each message with
/// one message, or ends.
final class StreamGuard: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  /// What a message has to come with after its first time.
  private static let bytesPerSecond = 1024

  private let budget: ByteBudget
  private let share: ByteBudget
  private let bodyTimeout: TimeAmount
  private var incoming = MessageLengths()
  private var outgoing = MessageLengths()
  /// Bytes of messages that are whole and not answered.
  private var unanswered = CircularBuffer<Int>()
  private var held = 0
  private var timer: Scheduled<Void>?
  private var messageBegan = NIODeadline.now()
  private var isRefused = false

  init(budget: ByteBudget, share: ByteBudget, bodyTimeout: Duration) {
    self.budget = budget
    self.share = share
    self.bodyTimeout = TimeAmount(bodyTimeout)
  }

  func handlerAdded(context: ChannelHandlerContext) { watch(context) }

  func handlerRemoved(context: ChannelHandlerContext) { release() }

  func channelInactive(context: ChannelHandlerContext) {
    release()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isRefused else { return }
    switch unwrapInboundIn(data) {
    case .data(let frame):
      guard case .byteBuffer(let bytes) = frame.data else { break }
      guard share.take(bytes.readableBytes) else { return refuse(context) }
      guard budget.take(bytes.readableBytes) else {
        share.give(bytes.readableBytes)
        return refuse(context)
      }
      held += bytes.readableBytes
      let wasWithin = incoming.isWithinMessage
      let whole = incoming.add(bytes)
      unanswered += whole
      if frame.endStream || !incoming.isWithinMessage {
        timer?.cancel()
        timer = nil
      } else if !wasWithin || !whole.isEmpty {
        watch(context)
      }
    case .headers(let headers):
      if headers.endStream { timer?.cancel() }
      // A stream of blocks may wait for its first one as long as it likes.
      if headers.headers.first(name: ":path") == "/clymene.v1.Gateway/Deliver" { timer?.cancel() }
    default: break
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .data(let frame) = unwrapOutboundIn(data), case .byteBuffer(let bytes) = frame.data {
      for _ in outgoing.add(bytes) where !unanswered.isEmpty {
        let answered = unanswered.removeFirst()
        held -= answered
        budget.give(answered)
        share.give(answered)
      }
    }
    context.write(data, promise: promise)
  }

  private func watch(_ context: ChannelHandlerContext) {
    messageBegan = .now()
    rewatch(context)
  }

  private func rewatch(_ context: ChannelHandlerContext) {
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: bodyTimeout) {
      let seconds = Int((NIODeadline.now() - self.messageBegan).nanoseconds / 1_000_000_000)
      guard self.incoming.messageBytes < max(1, seconds) * Self.bytesPerSecond else { return self.rewatch(context) }
      self.refuse(context, .cancel)
    }
  }

  /// The client sees UNAVAILABLE with `refusedStream`, and CANCELLED with `cancel`.
  private func refuse(_ context: ChannelHandlerContext, _ code: HTTP2ErrorCode = .refusedStream) {
    isRefused = true
    timer?.cancel()
    context.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
    context.close(promise: nil)
  }

  private func release() {
    timer?.cancel()
    budget.give(held)
    share.give(held)
    held = 0
    unanswered = []
  }
}

/// Follows gRPC's framing: a byte that says whether a message is compressed, its length in four bytes, big-endian, and the message.
///
/// Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md (Length-Prefixed-Message)
struct MessageLengths {
  private static let prefixBytes = 5

  private var prefix: [UInt8] = []
  private var rest = 0
  /// Of the message under way, with its prefix, that came so far.
  private(set) var messageBytes = 0

  var isWithinMessage: Bool { messageBytes > 0 }

  /// The lengths, with their prefixes, of the messages that these bytes complete.
  mutating func add(_ buffer: ByteBuffer) -> [Int] {
    var whole: [Int] = []
    var left = buffer.readableBytesView[...]
    while true {
      if prefix.count < Self.prefixBytes {
        let taken = left.prefix(Self.prefixBytes - prefix.count)
        prefix += taken
        left = left.dropFirst(taken.count)
        messageBytes += taken.count
        guard prefix.count == Self.prefixBytes else { return whole }
        rest = prefix.dropFirst().reduce(0) { $0 << 8 | Int($1) }
      }
      let step = min(rest, left.count)
      left = left.dropFirst(step)
      rest -= step
      messageBytes += step
      guard rest == 0 else { return whole }
      whole.append(messageBytes)
      prefix = []
      messageBytes = 0
    }
  }
}
