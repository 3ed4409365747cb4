import Codec
import Model
import Wire

/// One delivery on its way to a gateway: which request comes next, what an answer changes, and how it ends. A value; the same for gRPC and HTTP.
///
/// Blocks go in order, several requests ahead of their answers. Once one block was not taken, those behind it are not either, so everything under way
/// is answered before anything is sent again; and sent again are only blocks that lacked their tables, at most twice.
struct DeliveryExchange: Sendable {
  struct Limits: Sendable {
    /// Of blocks and tables in a request, unless one block alone is larger.
    var requestBytes = 128 << 10
    /// Of requests without an answer.
    var windowBytes = 1 << 20
    var windowRequests = 16
    /// How often tables are sent again.
    var tableRounds = 2
  }

  /// What a gateway answers against the rules of the exchange.
  struct Violation: Error, Equatable {
    let description: String
  }

  private enum Place: Equatable {
    case here
    case underWay
    case there
    case held
    case refused(String)
  }

  private struct Sent {
    let id: UInt64
    let blocks: [Int]
    let bytes: Int
  }

  private let limits: Limits
  private let blocks: [TabledBlock]
  private let renumbers: Bool
  private var places: [Place]
  /// Blocks before this one are not `here`, unless they were answered so.
  private var next = 0
  private var underWay: [Sent] = []
  private var isFirst = true
  /// Why nothing more is sent for now: something was not taken.
  private var later: (reason: String, after: Duration?)?
  private var missing: Set<TableName> = []
  private var lacksTables = false
  private var rounds = 0

  /// `isThere`: what earlier deliveries have got through.
  init(_ delivery: Delivery, limits: Limits = .init(), isThere: (AcknowledgedBlocks.Key) -> Bool) {
    self.limits = limits
    blocks = delivery.blocks
    renumbers = delivery.mayHoldPartsOfRows
    places = delivery.blocks.map { isThere(AcknowledgedBlocks.Key($0.block)) ? .there : .here }
  }

  /// The request that may go now, or nil: everything is sent, or answers have to come first.
  mutating func request(id: UInt64, _ sent: inout SentTables) -> DeliverRequest? {
    guard later == nil, !lacksTables, underWay.count < limits.windowRequests,
      underWay.isEmpty || underWay.reduce(0, { $0 + $1.bytes }) < limits.windowBytes
    else { return nil }
    var request = DeliverRequest(id: id, isFirst: isFirst, renumbers: renumbers)
    var taken: [Int] = []
    var bytes = 0
    while next < blocks.count {
      guard places[next] == .here else {
        next += 1
        continue
      }
      let block = blocks[next]
      guard taken.isEmpty || bytes + block.block.bytes.count <= limits.requestBytes,
        taken.count < DeliverRequest.limitItems, request.tables.count < DeliverRequest.limitItems - 8
      else { break }
      for table in block.tables where sent.take(table.name) {
        request.tables.append(table.bytes)
        bytes += table.bytes.count
      }
      request.blocks.append(block.block.bytes)
      bytes += block.block.bytes.count
      places[next] = .underWay
      taken.append(next)
      next += 1
    }
    guard !taken.isEmpty else { return nil }
    isFirst = false
    underWay.append(Sent(id: id, blocks: taken, bytes: bytes))
    return request
  }

  /// Takes an answer in. Throws when it is not the answer to the oldest request under way: then nothing that follows can be trusted either.
  mutating func take(_ response: DeliverResponse, _ sent: inout SentTables) throws(Violation) {
    guard let request = underWay.first, request.id == response.id else {
      throw Violation(
        description: "an answer to request \(response.id), expected was \(underWay.first.map { "\($0.id)" } ?? "none")")
    }
    guard response.answers.count == request.blocks.count else {
      throw Violation(
        description: "\(response.answers.count) answers to a request with \(request.blocks.count) blocks")
    }
    underWay.removeFirst()
    let pause = response.retryAfterMilliseconds.map { Duration.milliseconds(Int64(min($0, 86_400_000))) }
    for (index, answer) in zip(request.blocks, response.answers) {
      places[index] = .here
      switch answer.kind {
      case .stored, .partlyHeld: places[index] = .there
      case .alreadyHeld: places[index] = .held
      case .refused: places[index] = .refused(answer.reason)
      case .missingTables:
        lacksTables = true
        missing.formUnion(answer.missingTables)
      case .full, .failed:
        let word = answer.kind == .full ? "the gateway has no room" : "the gateway could not store it"
        later = later ?? (answer.reason.isEmpty ? word : "\(word): \(answer.reason)", pause)
      case .skipped:
        if !lacksTables { later = later ?? ("the gateway did not look at it", pause) }
      }
    }
    guard underWay.isEmpty, lacksTables else { return }
    sent.forget(missing)
    lacksTables = false
    missing = []
    next = 0
    isFirst = true
    rounds += 1
    if rounds > limits.tableRounds {
      later = later ?? ("the gateway asks for tables again and again, \(limits.tableRounds) times were not enough", nil)
    }
  }

  /// Whether answers are still to come.
  var isUnderWay: Bool { !underWay.isEmpty }

  /// Blocks that the gateway has, durably.
  var there: [AcknowledgedBlocks.Key] {
    zip(blocks, places).filter { $0.1 == .there || $0.1 == .held }.map { AcknowledgedBlocks.Key($0.0.block) }
  }

  /// Whether there is nothing to send: earlier deliveries have got all of it through.
  var isAllThere: Bool { places.allSatisfy { $0 == .there } }

  /// Whether some block has an answer that it is there.
  var isPartlyThere: Bool { places.contains { $0 == .there || $0 == .held } }

  /// How it ended, for a delivery with nothing under way and nothing to send.
  var outcome: Outcome {
    if places.contains(where: { $0 == .here || $0 == .underWay }) {
      return .retry(reason: later?.reason ?? "not everything was answered", after: later?.after)
    }
    for place in places {
      if case .refused(let reason) = place {
        return .refused(reason: reason.isEmpty ? "refused by the gateway, without a reason" : reason)
      }
    }
    return places.allSatisfy { $0 == .held } ? .alreadyThere : .delivered
  }
}
