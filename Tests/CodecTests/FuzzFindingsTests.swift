import Foundation
import Model
import Testing

@testable import Codec

/// Inputs that once failed the fuzz targets, and the targets' own seeds, which have to reach what they are meant to reach.
/// `CLYMENE_WRITE_GOLDEN=1` writes the seeds anew.
@Suite struct FuzzFindingsTests {
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
    for (_, bytes) in try FuzzFindingsTests.inputs("failures/block") { BlockProbe.run(bytes) }
    for (_, bytes) in try FuzzFindingsTests.inputs("failures/table") { TableProbe.run(bytes) }
    for (_, bytes) in try FuzzFindingsTests.inputs("failures/envelope") { EnvelopeProbe.run(bytes) }
  }

  @Test("Every seed is understood by its target")
  func seeds() throws {
    if ProcessInfo.processInfo.environment["CLYMENE_WRITE_GOLDEN"] == "1" { try writeSeeds() }
    for (name, bytes) in try FuzzFindingsTests.inputs("corpus/block") { #expect(BlockProbe.run(bytes), "\(name)") }
    for (name, bytes) in try FuzzFindingsTests.inputs("corpus/table") { #expect(TableProbe.run(bytes), "\(name)") }
    for (name, bytes) in try FuzzFindingsTests.inputs("corpus/envelope") {
      #expect(EnvelopeProbe.run(bytes), "\(name)")
    }
  }

  private func writeSeeds() throws {
    let opener = try BlockOpener()
    for (seed, signal) in [(1, Signal.metrics), (2, .metrics), (3, .logs), (8, .metrics)] {
      var rows = RandomRows(seed: UInt64(seed))
      let (batch, _, tables) = signal == .logs ? try rows.logs(firstSequence: 1) : try rows.metrics(firstSequence: 1)
      var sealer = try BlockSealer()
      let sealed = try sealer.seal(batch, origin: .random(), firstSequence: 1)
      let block = try #require(sealed.first).block
      func write(_ folder: String, _ bytes: [UInt8]) throws {
        let url = FuzzFindingsTests.fuzz.appendingPathComponent("corpus/\(folder)/random-\(seed)")
        try Data(bytes).write(to: url)
      }
      try write("block", BlockProbe.input(block.header, payload: try opener.payload(of: block)))
      try write("table", try TableCodec.encode(try tables[0].decode(), signal).bytes)
      try write("envelope", try Envelope.encode(tables: sealed.flatMap(\.tables), blocks: [block]))
    }
  }
}
