import GRPCCore
import Wire

/// One stream of blocks: reads ahead of what is being stored, stores what came together, and answers in order.
struct DeliverStream: Sendable {
  /// Requests that are read and not answered yet.
  private static let readAhead = 16
  private static let readAheadBytes = 8 << 20

  let shared: GatewayShared

  func respond(
    to request: StreamingServerRequest<[UInt8]>, _ context: ServerContext
  ) async throws -> StreamingServerResponse<[UInt8]> {
    let sender: Sender
    do throws(Refusal) {
      try shared.mustNotStop()
      sender = try shared.sender(request.metadata, context)
    } catch {
      shared.counting.answered(.blocksGRPC, error.kind.rawValue)
      throw RPCError(error)
    }
    return StreamingServerResponse(metadata: [:]) { writer in
      try await serve(request.messages, sender, writer)
      return [:]
    }
  }

  private func serve(
    _ messages: RPCAsyncSequence<[UInt8], any Error>, _ sender: Sender, _ writer: RPCWriter<[UInt8]>
  ) async throws {
    let waiting = ReadAhead<[UInt8]>(limit: Self.readAhead, limitBytes: Self.readAheadBytes)
    let notice = shared.stopping.listen { waiting.end() }
    defer { shared.stopping.forget(notice) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { waiting.end() }
        for try await message in messages {
          guard await waiting.give(message, bytes: message.count) else { return }
        }
      }
      defer { waiting.end() }
      var isSkipping = false
      while true {
        let taken = await waiting.takeAll()
        if taken.isEmpty { break }
        try await answer(taken, sender, writer, &isSkipping)
      }
      guard !shared.stopping.isGiven else {
        group.cancelAll()
        throw RPCError(code: .unavailable, message: "the gateway is stopping; what was not answered may be sent again")
      }
      try await group.waitForAll()
    }
  }

  private func answer(
    _ messages: [[UInt8]], _ sender: Sender, _ writer: RPCWriter<[UInt8]>, _ isSkipping: inout Bool
  ) async throws {
    var requests: [DeliverRequest] = []
    for message in messages {
      let request: DeliverRequest
      do throws(Refusal) {
        request = try Self.decode(message)
        try shared.blocks.mustBeHere(request)
      } catch {
        // Those before it are answered first.
        try await take(requests, sender, writer, &isSkipping)
        shared.counting.answered(.blocksGRPC, error.kind.rawValue)
        sender.record.failed(error.reason)
        throw RPCError(error)
      }
      shared.counting.update { $0.bytes += UInt64(message.count) }
      do throws(Refusal) {
        try sender.record.admitBody()
        sender.record.spend(bytes: message.count)
        requests.append(request)
      } catch {
        // The stream goes on: another one would cost its sender all tables once more, out of the same allowance.
        try await take(requests, sender, writer, &isSkipping)
        requests = []
        let response = shared.blocks.putOff(request, error, from: sender)
        isSkipping = true
        shared.counting.answered(.blocksGRPC, error.kind.rawValue)
        try await writer.write(response.encoded())
      }
    }
    try await take(requests, sender, writer, &isSkipping)
  }

  private func take(
    _ requests: [DeliverRequest], _ sender: Sender, _ writer: RPCWriter<[UInt8]>, _ isSkipping: inout Bool
  ) async throws {
    guard !requests.isEmpty else { return }
    for response in await shared.blocks.take(requests, from: sender, isSkipping: &isSkipping) {
      shared.counting.answered(.blocksGRPC, response.outcome)
      try await writer.write(response.encoded())
    }
  }

  private static func decode(_ message: [UInt8]) throws(Refusal) -> DeliverRequest {
    do throws(WireError) {
      return try DeliverRequest(decoding: message)
    } catch {
      throw Refusal(error.kind == .tooLarge ? .tooLarge : .invalid, "\(error); sending it again does not help")
    }
  }
}
