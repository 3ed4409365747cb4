import Codec
import Model

// What a Clymene log and a Clymene gateway say to each other, over gRPC (one stream) and HTTP (one request) alike. docs/gateway-protocol.md
// describes the exchange; these are its messages:
//
//     message DeliverRequest {
//       uint64 id = 1;               // chosen by the sender, growing; the answer bears it
//       bool first = 2;              // the first request of a delivery
//       bool renumber = 3;           // rows may be parts of rows: they are stored under new numbers
//       repeated bytes tables = 4;   // as they are stored, those that the other side may lack
//       repeated bytes blocks = 5;   // as they are stored, in order
//     }
//     message DeliverResponse {
//       uint64 id = 1;
//       repeated BlockAnswer answers = 2;   // one for each block, in order
//       uint64 retry_after_ms = 3;          // with FULL and FAILED; 0: the sender decides
//     }
//     message BlockAnswer {
//       Kind kind = 1;
//       string reason = 2;                  // for people
//       uint64 rows_stored = 3;             // with PARTLY_HELD
//       repeated bytes missing_tables = 4;  // with MISSING_TABLES: names, 16 bytes each
//     }
//
// A receiver takes the blocks of a stream in order. Once one of them was not settled (MISSING_TABLES, FULL, FAILED), all behind it are answered
// SKIPPED, until a request with `first` comes: so that what is sent again does not come behind what followed it.
//
// Encoded by hand, as protobuf has it: https://protobuf.dev/programming-guides/encoding/

/// Blocks on their way to a gateway, with the tables that it may lack.
public struct DeliverRequest: Sendable, Equatable {
  /// What a receiver accepts, in bytes: a request with one block and its tables always fits.
  public static let limitBytes = 32 << 20
  /// Tables or blocks of one request.
  public static let limitItems = 4096

  public var id: UInt64
  /// The first request of a delivery: what was wrong before is over.
  public var isFirst: Bool
  /// Rows may be parts of rows, as those of dead letters: they are stored under new numbers.
  public var renumbers: Bool
  /// As `SeriesTable.bytes`; not verified here.
  public var tables: [[UInt8]]
  /// As `SealedBlock.bytes`; not verified here.
  public var blocks: [[UInt8]]

  public init(
    id: UInt64, isFirst: Bool = true, renumbers: Bool = false, tables: [[UInt8]] = [], blocks: [[UInt8]] = []
  ) {
    self.id = id
    self.isFirst = isFirst
    self.renumbers = renumbers
    self.tables = tables
    self.blocks = blocks
  }

  public func encoded() -> [UInt8] {
    let bytes = tables.reduce(0) { $0 + $1.count + 6 } + blocks.reduce(0) { $0 + $1.count + 6 } + 32
    var out = ProtobufWriter(reserving: bytes)
    out.varint(1, id)
    out.varint(2, isFirst ? 1 : 0)
    out.varint(3, renumbers ? 1 : 0)
    for table in tables { out.bytes(4, table) }
    for block in blocks { out.bytes(5, block) }
    return out.bytes
  }

  /// Unknown fields are skipped. Tables and blocks are not looked into.
  public init(decoding array: [UInt8]) throws(WireError) {
    let bytes = array.span.bytes
    self.init(id: 0, isFirst: false)
    guard array.count <= DeliverRequest.limitBytes else {
      throw WireError(.tooLarge, "deliver request: \(array.count) bytes, at most \(DeliverRequest.limitBytes)")
    }
    var reader = ProtobufReader(offset: 0, end: array.count)
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("deliver request", in: bytes) else { return }
      switch number {
      case 1: id = try value.integer("deliver request: id", at: at)
      case 2: isFirst = try value.integer("deliver request: first", at: at) != 0
      case 3: renumbers = try value.integer("deliver request: renumber", at: at) != 0
      case 4:
        let table = try value.bytes("deliver request: table", at: at)
        tables.append(Array(array[table.offset..<table.end]))
      case 5:
        let block = try value.bytes("deliver request: block", at: at)
        blocks.append(Array(array[block.offset..<block.end]))
      default: break
      }
      guard tables.count <= DeliverRequest.limitItems, blocks.count <= DeliverRequest.limitItems else {
        throw WireError(
          .tooLarge, "deliver request: more than \(DeliverRequest.limitItems) tables or blocks", at: at)
      }
    }
  }
}

/// What a gateway did with one block.
public struct BlockAnswer: Sendable, Equatable {
  public enum Kind: UInt64, Sendable, CaseIterable {
    /// On its disk.
    case stored = 1
    /// All its rows were there already.
    case alreadyHeld = 2
    /// Some of its rows were there; the others are on its disk now.
    case partlyHeld = 3
    /// Not stored: to be sent again with these tables.
    case missingTables = 4
    /// Not stored: no room, or too much at once. Later.
    case full = 5
    /// Not stored: the gateway's trouble. Later.
    case failed = 6
    /// It can never be stored.
    case refused = 7
    /// Not looked at, because one before it was not settled.
    case skipped = 8

    /// Whether the rows are there, durably.
    public var isThere: Bool { self == .stored || self == .alreadyHeld || self == .partlyHeld }
    /// Whether what follows on the stream may be stored.
    public var isSettled: Bool { isThere || self == .refused }
  }

  public var kind: Kind
  public var reason: String
  public var rowsStored: UInt64
  public var missingTables: [TableName]

  public init(_ kind: Kind, reason: String = "", rowsStored: UInt64 = 0, missingTables: [TableName] = []) {
    self.kind = kind
    self.reason = reason
    self.rowsStored = rowsStored
    self.missingTables = missingTables
  }
}

/// A gateway's answer to one `DeliverRequest`.
public struct DeliverResponse: Sendable, Equatable {
  /// What a sender accepts, in bytes.
  public static let limitBytes = 4 << 20

  public var id: UInt64
  /// One for each block of the request, in order.
  public var answers: [BlockAnswer]
  /// Nil: the sender decides.
  public var retryAfterMilliseconds: UInt64?

  public init(id: UInt64, answers: [BlockAnswer], retryAfterMilliseconds: UInt64? = nil) {
    self.id = id
    self.answers = answers
    self.retryAfterMilliseconds = retryAfterMilliseconds
  }

  public func encoded() -> [UInt8] {
    var out = ProtobufWriter(reserving: 16 + answers.count * 8)
    out.varint(1, id)
    for answer in answers {
      var inner = ProtobufWriter(reserving: 8 + answer.reason.utf8.count + answer.missingTables.count * 18)
      inner.varint(1, answer.kind.rawValue)
      inner.text(2, answer.reason)
      inner.varint(3, answer.rowsStored)
      for name in answer.missingTables { inner.bytes(4, name.bytes) }
      out.bytes(2, inner.bytes)
    }
    out.varint(3, retryAfterMilliseconds ?? 0)
    return out.bytes
  }

  public init(decoding array: [UInt8]) throws(WireError) {
    let bytes = array.span.bytes
    self.init(id: 0, answers: [])
    guard array.count <= DeliverResponse.limitBytes else {
      throw WireError(.tooLarge, "deliver response: \(array.count) bytes, at most \(DeliverResponse.limitBytes)")
    }
    var reader = ProtobufReader(offset: 0, end: array.count)
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("deliver response", in: bytes) else { return }
      switch number {
      case 1: id = try value.integer("deliver response: id", at: at)
      case 2:
        guard answers.count < DeliverRequest.limitItems else {
          throw WireError(.tooLarge, "deliver response: more than \(DeliverRequest.limitItems) answers", at: at)
        }
        answers.append(try BlockAnswer(decoding: value.bytes("deliver response: answer", at: at), in: array))
      case 3:
        let pause = try value.integer("deliver response: retry_after_ms", at: at)
        retryAfterMilliseconds = pause == 0 ? nil : pause
      default: break
      }
    }
  }
}

extension BlockAnswer {
  fileprivate init(decoding message: ProtobufReader, in array: [UInt8]) throws(WireError) {
    let bytes = array.span.bytes
    var reader = message
    var kind: Kind?
    var reason = ""
    var rowsStored: UInt64 = 0
    var missing: [TableName] = []
    while true {
      let at = reader.offset
      guard let (number, value) = try reader.field("block answer", in: bytes) else { break }
      switch number {
      case 1:
        let raw = try value.integer("block answer: kind", at: at)
        kind = Kind(rawValue: raw)
        guard kind != nil else { throw WireError(.malformed, "block answer: kind \(raw)", at: at) }
      case 2: reason = try value.bytes("block answer: reason", at: at).text("block answer: reason", in: bytes)
      case 3: rowsStored = try value.integer("block answer: rows_stored", at: at)
      case 4:
        let name = try value.bytes("block answer: missing table", at: at)
        guard let name = TableName(bytes: Array(array[name.offset..<name.end])) else {
          throw WireError(.malformed, "block answer: a table's name of \(name.count) bytes, not 16", at: at)
        }
        guard missing.count < DeliverRequest.limitItems else {
          throw WireError(.tooLarge, "block answer: more than \(DeliverRequest.limitItems) tables", at: at)
        }
        missing.append(name)
      default: break
      }
    }
    guard let kind else { throw WireError(.malformed, "block answer: without a kind", at: message.offset) }
    self.init(kind, reason: reason, rowsStored: rowsStored, missingTables: missing)
  }
}
