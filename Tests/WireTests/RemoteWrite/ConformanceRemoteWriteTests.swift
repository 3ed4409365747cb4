import Codec
import Foundation
import Model
import Testing

@testable import Wire

/// Messages of other programs, in the folder that `CLYMENE_CONFORMANCE` names, else beside the project.
private enum Captured {
  static let path =
    (ProcessInfo.processInfo.environment["CLYMENE_CONFORMANCE"]
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("shared/conformance").path)
    + "/07-forwarders/remote_write_dump_node_exporter.bin"
}

/// A message that another program wrote of a node_exporter's metrics, read and written again.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Captured.path)))
struct ConformanceRemoteWriteTests {
  @Test func aRealMessageIsReadAndComesBack() throws {
    let bytes = [UInt8](try #require(FileManager.default.contents(atPath: Captured.path)))
    let request = try RemoteWriteDecoder.decode(bytes)
    #expect(request.series.count > 1000)
    #expect(request.series.allSatisfy { $0.labels.contains { $0.name == "__name__" } && $0.samples.count == 1 })

    // The same series as loose samples in a block, and out again.
    let table = try SeriesTable(encoding: request.series.map { Series(Labels($0.labels)) })
    let samples = request.series.enumerated().flatMap { at, series in
      series.samples.map {
        LooseRow.LooseSample(series: UInt32(at), timestamp: $0.timestamp, value: $0.value)
      }
    }
    var sealer = try BlockSealer()
    let blocks = try sealer.seal(
      RowBatch(metrics: [.loose(LooseRow(source: 1, tables: [table], samples: samples))]),
      origin: Origin(low: 1, high: 1), firstSequence: 1)
    var encoder = try RemoteWriteEncoder()
    _ = try encoder.encode(Delivery(blocks: blocks, generation: 0), LabelTemplates())
    let again = try RemoteWriteDecoder.decode(encoder.message)
    #expect(again.series.map(\.samples) == request.series.map(\.samples))
    for (before, after) in zip(request.series, again.series) {
      #expect(after.labels == Labels(before.labels.filter { !$0.value.isEmpty }).pairs)
    }
  }
}
