import Codec
import Glibc
import Model
import WAL

/// Receives blocks of other logs until it is killed or has all of them, and says what was answered:
///
///     A worker n     batch n of a sender, and all before it, are held
///     X …            an answer that must not be
///
/// Senders are the workers from 10 on; `from<worker>`: the first batch that whoever started this has no answer for. Two of them share an origin and
/// differ by tenant. Each sends some batches at once in any order, joined or not, some twice, and some that were answered before.
func receiveBlocks(_ arguments: [String]) async throws {
  let options = Options(arguments)
  guard let directory = options.plain.first else { throw Usage() }
  let log = try WriteAheadLog.open(options.configuration(directory))
  say("O " + log.opening.findings.map(\.description).joined(separator: "; "))
  let batches = UInt64(options.number("batches", 1_000_000))
  let content = Content(seed: UInt64(options.number("seed", 1)))
  try await withThrowingTaskGroup(of: Void.self) { group in
    for worker in 10..<(10 + options.number("senders", 4)) {
      var sender = try Sender(log, content, worker, run: options.number("run", 0))
      let from = UInt64(options.number("from\(worker)", 1))
      group.addTask { try await sender.run(from: from, batches: batches) }
    }
    try await group.waitForAll()
  }
  if options.flag("close") { try await log.close() }
  exit(0)
}

private struct Sender {
  private let log: WriteAheadLog
  private let content: Content
  private let worker: Int
  private let tenant: Tenant
  private let origin: Origin
  private var random: SplitMix

  init(_ log: WriteAheadLog, _ content: Content, _ worker: Int, run: Int) throws {
    guard let shop = Tenant("shop") else { throw Usage() }
    self.log = log
    self.content = content
    self.worker = worker
    tenant = worker % 2 == 0 ? .default : shop
    origin = Origin(low: content.seed, high: UInt64(worker / 2))
    random = SplitMix(state: content.seed &+ UInt64(worker) << 32 &+ UInt64(run) << 40)
  }

  mutating func run(from: UInt64, batches: UInt64) async throws {
    var next = from
    while next <= batches {
      let first = next - min(next - 1, UInt64.random(in: 0...2, using: &random))
      let window = first...min(batches, next + UInt64.random(in: 0...5, using: &random))
      let before = (1..<first).reduce(UInt64(0)) { $0 + UInt64(content.rowCount(worker, $1)) }
      try await send(window, firstSequence: before + 1)
      sayAndMark("A \(worker) \(window.upperBound)")
      next = window.upperBound + 1
    }
  }

  private mutating func send(_ window: ClosedRange<UInt64>, firstSequence: UInt64) async throws {
    var sealer = try BlockSealer()
    var blocks: [SealedBlock] = []
    var tables: [SeriesTable] = []
    var sequence = firstSequence
    for number in window {
      let table = try content.table(worker, number)
      var batch = content.batch(worker, number, table: table)
      batch.tenant = tenant
      let sealed = try sealer.seal(batch, origin: origin, firstSequence: sequence).map(\.block)
      if !tables.contains(where: { $0.name == table.name }) { tables.append(table) }
      if let last = blocks.last, Bool.random(using: &random) {
        blocks.removeLast()
        blocks += try sealer.merge([last] + sealed)
      } else {
        blocks += sealed
      }
      sequence += UInt64(content.rowCount(worker, number))
    }
    blocks.shuffle(using: &random)
    if Bool.random(using: &random), let again = blocks.first { blocks.append(again) }
    // Two calls at once, which may share a commit.
    let half = Int.random(in: 0...blocks.count, using: &random)
    let (log, first, second, along) = (log, Array(blocks[..<half]), Array(blocks[half...]), tables)
    async let one = log.append(received: first, tables: along)
    async let two = log.append(received: second, tables: along)
    for outcome in try await one + two {
      switch outcome {
      case .stored, .alreadyHeld, .partlyHeld: continue
      default: say("X sender \(worker), batches \(window): \(outcome)")
      }
    }
  }
}

private struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = Content.next(state)
    return state
  }
}
