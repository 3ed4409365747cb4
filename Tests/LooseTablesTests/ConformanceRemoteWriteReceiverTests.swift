import Foundation
import Model
import Testing
import Wire

@testable import LooseTables

/// A message that another program wrote of a node_exporter's metrics, in the folder that `CLYMENE_CONFORMANCE` names, else beside the project.
private enum Captured {
  static let path =
    (ProcessInfo.processInfo.environment["CLYMENE_CONFORMANCE"]
      ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/conformance").path)
    + "/07-forwarders/remote_write_dump_node_exporter.bin"
}

@Suite(.enabled(if: FileManager.default.fileExists(atPath: Captured.path)))
struct ConformanceRemoteWriteReceiverTests {
  @Test func `a real message is stored whole, as what the strict decoder reads`() throws {
    let bytes = [UInt8](try #require(FileManager.default.contents(atPath: Captured.path)))
    let request = try RemoteWriteDecoder.decode(bytes)
    let intake = MetricsIntake(limits: PushLimits())
    for _ in 0..<2 {
      let push = try intake.read(bytes, as: .v1, tenant: .default)
      let stored = try Stored(push)
      #expect(push.rejected.isEmpty)
      // Some series are there twice, with a sample each.
      let sent = request.series.reduce(into: [Labels: [RemoteWriteRequest.Sample]]()) {
        $0[Labels($1.labels.filter { !$0.value.isEmpty }), default: []] += $1.samples
      }
      #expect(sent.count > 900)
      let differing = Set(sent.keys).union(stored.series.keys).filter { sent[$0] != stored.series[$0]?.samples }
      #expect(differing.isEmpty)
    }
  }

  @Test func `the same message as 2_0 is stored as the same`() throws {
    let bytes = [UInt8](try #require(FileManager.default.contents(atPath: Captured.path)))
    let request = try RemoteWriteDecoder.decode(bytes)
    let message = SentMessage(
      request.series.map { series in
        var sent = SentSeries(series.labels)
        sent.samples = series.samples
        return sent
      })
    let intake = MetricsIntake(limits: PushLimits())
    let first = try Stored(try intake.read(bytes, as: .v1, tenant: .default))
    let second = try Stored(try intake.read(message.bytes(.v2), as: .v2, tenant: .default))
    #expect(first.series == second.series)
    #expect(first.tables == second.tables)
  }
}
