import Codec
import Foundation
import Model
import Testing

@testable import Wire

/// Inputs that once failed the fuzz targets, and the targets' own seeds, which have to reach what they are meant to reach.
/// `CLYMENE_WRITE_GOLDEN=1` writes the seeds anew.
@Suite struct WireFuzzFindingsTests {
  private static let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("fuzz")

  private static func inputs(_ folder: String) throws -> [(String, [UInt8])] {
    let url = fuzz.appendingPathComponent(folder)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return try names.filter { !$0.hasPrefix(".") }.sorted().map {
      ($0, [UInt8](try Data(contentsOf: url.appendingPathComponent($0))))
    }
  }

  @Test("What once failed a fuzz target no longer does")
  func findings() throws {
    for (_, bytes) in try Self.inputs("failures/remotewrite") { RemoteWriteProbe.run(bytes) }
    for (_, bytes) in try Self.inputs("failures/snappy") { SnappyProbe.run(bytes) }
    for (_, bytes) in try Self.inputs("failures/lokipush") { LokiPushProbe.run(bytes) }
    for (_, bytes) in try Self.inputs("failures/lokilabels") { LokiLabelsProbe.run(bytes) }
    for (_, bytes) in try Self.inputs("failures/gateway") { GatewayProbe.run(bytes) }
  }

  @Test("Every seed is understood by its target")
  func seeds() throws {
    if ProcessInfo.processInfo.environment["CLYMENE_WRITE_GOLDEN"] == "1" { try writeSeeds() }
    let messages = try Self.inputs("corpus/remotewrite")
    let bodies = try Self.inputs("corpus/snappy")
    let exchanges = try Self.inputs("corpus/gateway")
    #expect(!messages.isEmpty && !bodies.isEmpty && !exchanges.isEmpty)
    for (name, bytes) in exchanges { #expect(GatewayProbe.run(bytes), "\(name)") }
    for (name, bytes) in messages { #expect(RemoteWriteProbe.run(bytes), "\(name)") }
    for (name, bytes) in bodies { #expect(SnappyProbe.run(bytes), "\(name)") }
    let pushes = try Self.inputs("corpus/lokipush")
    let labels = try Self.inputs("corpus/lokilabels")
    #expect(!pushes.isEmpty && !labels.isEmpty)
    for (name, bytes) in pushes { #expect(LokiPushProbe.run(bytes), "\(name)") }
    for (name, bytes) in labels { #expect(LokiLabelsProbe.run(bytes), "\(name)") }
  }

  private func writeSeeds() throws {
    for seed in [2, 5, 8] {
      var rows = RandomRows(seed: UInt64(seed))
      let (batch, _, _) = try rows.metrics(firstSequence: 1)
      var sealer = try BlockSealer()
      let blocks = try sealer.seal(batch, origin: Origin(low: 1, high: 1), firstSequence: 1)
      var encoder = try RemoteWriteEncoder()
      _ = try encoder.encode(Delivery(blocks: blocks, generation: 0), LabelTemplates())
      func write(_ folder: String, _ bytes: [UInt8]) throws {
        let url = Self.fuzz.appendingPathComponent("corpus/\(folder)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        try Data(bytes).write(to: url.appendingPathComponent("random-\(seed)"))
      }
      try write("remotewrite", encoder.message)
      try write("snappy", encoder.withMessage { Snappy.compress($0) })
      let (logs, _, _) = try rows.logs(firstSequence: 1)
      let logBlocks = try sealer.seal(logs, origin: Origin(low: 1, high: 1), firstSequence: 1)
      var pushEncoder = try LokiPushEncoder()
      _ = try pushEncoder.encode(Delivery(blocks: logBlocks, generation: 0), LokiLabelTexts())
      try write("lokipush", pushEncoder.message)
      let tables = blocks.flatMap(\.tables)
      let request = DeliverRequest(
        id: UInt64(seed), isFirst: seed == 2, renumbers: seed == 5, tables: tables.map(\.bytes),
        blocks: blocks.map(\.block.bytes))
      try write("gateway", request.encoded())
    }
    let response = DeliverResponse(
      id: 300,
      answers: BlockAnswer.Kind.allCases.map {
        BlockAnswer($0, reason: "a reason", rowsStored: 7, missingTables: [TableName(low: 1, high: 2)])
      }, retryAfterMilliseconds: 1500)
    let url = Self.fuzz.appendingPathComponent("corpus/gateway/response")
    try Data(response.encoded()).write(to: url)
  }
}

extension LokiPushEncoder {
  /// The message made last, as an array.
  var message: [UInt8] { withMessage { $0.withUnsafeBytes { [UInt8]($0) } } }
}

extension RemoteWriteEncoder {
  /// The message made last, as an array.
  var message: [UInt8] { withMessage { $0.withUnsafeBytes { [UInt8]($0) } } }
}
