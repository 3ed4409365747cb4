import ArgumentParser
import Codec
import Foundation
import Model
import Runtime
import WAL

struct WALExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes rows of a log into files.",
    discussion: """
      As lines of JSON, like a file forwarder; or as blocks in their self-contained form, which keep everything, one envelope a \
      file. Blocks go as a whole, so a little more than was asked for may come along.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case json, blocks
  }

  @OptionGroup var options: LogOptions

  @Option(help: "A new or empty folder for the files.")
  var output: String

  @Option(help: "json or blocks.")
  var format: Format = .json

  @Option(help: "Only from this row on.")
  var fromOffset: UInt64 = 0

  @Option(help: "Only up to before this row.")
  var toOffset: UInt64 = 1 << 62

  @Option(help: "Only samples and entries from this time on (RFC 3339).")
  var from: String?

  @Option(help: "Only samples and entries up to this time (RFC 3339).")
  var to: String?

  @Option(help: "Only this tenant.")
  var tenant: String?

  func validate() throws {
    if fromOffset >= toOffset { throw ValidationError("--from-offset has to be below --to-offset") }
    _ = try times()
  }

  private func times() throws -> ClosedRange<Int64>? {
    guard from != nil || to != nil else { return nil }
    func time(_ text: String?, _ otherwise: Int64) throws -> Int64 {
      guard let text else { return otherwise }
      guard let time = RFC3339.parse(text) else { throw ValidationError("“\(text)” is not a time of RFC 3339") }
      return time.rawValue
    }
    let (first, last) = (try time(from, .min), try time(to, .max))
    guard first <= last else { throw ValidationError("--from has to be before --to") }
    return first...last
  }

  func run() async throws {
    try await options.run { inspector in
      let folder = URL(fileURLWithPath: output)
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      guard try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty else {
        throw LogError(.misuse, "\(output): is not empty")
      }
      let filter = ExportFilter(offsets: fromOffset..<toOffset, times: try times(), tenant: tenant)
      let summary =
        switch format {
        case .blocks: try exportBlocks(inspector, filter, to: folder)
        case .json: try await exportLines(inspector, filter, to: folder)
        }
      if try !options.printJSON(summary) { print("\(summary.rows) rows in \(summary.blocks) blocks") }
      try report(summary.problems)
    }
  }

  private func exportBlocks(
    _ inspector: LogInspector, _ filter: ExportFilter, to folder: URL
  ) throws -> ExportSummary {
    try inspector.export(filter) { envelope, offsets in
      try Data(envelope).write(to: folder.appending(path: "\(offsets.lowerBound)-\(offsets.upperBound).clyb"))
    }
  }

  /// Through the file forwarder, so that the lines are the same.
  private func exportLines(
    _ inspector: LogInspector, _ filter: ExportFilter, to folder: URL
  ) async throws -> ExportSummary {
    let lines = try LineExport(folder: folder.path)
    let (deliveries, feed) = AsyncStream.makeStream(of: Delivery.self)
    // The log is read on a thread of its own, a few blocks ahead of the writing.
    let room = DispatchSemaphore(value: 16)
    async let reading = onThread {
      defer { feed.finish() }
      return try inspector.export(filter) { envelope, _ in
        let (tables, blocks) = try Envelope.decode(envelope)
        let known = Dictionary(tables.map { ($0.name, $0) }) { first, _ in first }
        // One delivery holds one tenant and signal.
        for block in blocks {
          let tabled = TabledBlock(block: block, tables: block.header.tables.compactMap { known[$0] })
          room.wait()
          if case .terminated = feed.yield(Delivery(blocks: [tabled], generation: 0)) { throw CancellationError() }
        }
      }
    }
    do {
      for await delivery in deliveries {
        try await lines.write(delivery)
        room.signal()
      }
    } catch {
      // The reader finds the stream closed and ends.
      feed.finish()
      room.signal()
      throw error
    }
    try await lines.close()
    return try await reading
  }
}

/// Runs blocking work apart from the pool of Swift's tasks.
private func onThread<Answer: Sendable>(_ work: @escaping @Sendable () throws -> Answer) async throws -> Answer {
  try await withCheckedThrowingContinuation { continuation in
    let thread = Thread { continuation.resume(with: Result(catching: work)) }
    thread.name = "export"
    thread.start()
  }
}
