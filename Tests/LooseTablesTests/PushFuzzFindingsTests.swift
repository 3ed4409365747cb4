import Foundation
import Model
import Testing
import Wire

@testable import LooseTables

/// Inputs that once failed the fuzz target, and its own seeds, which have to reach what they are meant to reach. `CLYMENE_WRITE_GOLDEN=1` writes the seeds
/// anew.
@Suite struct PushFuzzFindingsTests {
  private static let fuzz = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("fuzz")

  private static func inputs(_ folder: String) throws -> [(String, [UInt8])] {
    let url = fuzz.appendingPathComponent(folder)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return try names.filter { !$0.hasPrefix(".") }.sorted().map {
      ($0, [UInt8](try Data(contentsOf: url.appendingPathComponent($0))))
    }
  }

  @Test func `what once failed the fuzz target no longer does`() throws {
    for (_, bytes) in try Self.inputs("failures/push") { PushProbe.run(bytes) }
  }

  @Test func `every seed is understood`() throws {
    if ProcessInfo.processInfo.environment["CLYMENE_WRITE_GOLDEN"] == "1" { try writeSeeds() }
    let seeds = try Self.inputs("corpus/push")
    #expect(seeds.count >= 4)
    for (name, bytes) in seeds { #expect(PushProbe.run(bytes), "\(name)") }
  }

  @Test func `messages with any byte changed are read alike twice, or refused`() throws {
    var random = SeededGenerator(seed: 3)
    for (_, seed) in try Self.inputs("corpus/push") {
      for _ in 0..<60 {
        var bytes = seed
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          bytes[Int.random(in: 1..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        PushProbe.run(bytes)
        PushProbe.run(Array(seed.prefix(Int.random(in: 1..<seed.count, using: &random))))
      }
    }
  }

  private func writeSeeds() throws {
    let url = Self.fuzz.appendingPathComponent("corpus/push")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    var messages = RandomMessages(seed: 4)
    for (index, version) in [RemoteWriteVersion.v1, .v2, .v1, .v2].enumerated() {
      var (message, _) = messages.message()
      message.series = Array(message.series.prefix(6))
      message.families = [("m", MetricMetadata(type: .counter, unit: "bytes", help: "Help."))]
      message.series[0].metadata = MetricMetadata(type: .counter, unit: "bytes", help: "Help.")
      message.series[0].labels = [Label("__name__", "m"), Label("a", "b")]
      try Data([version == .v1 ? 0 : 1] + message.bytes(version)).write(
        to: url.appendingPathComponent("random-\(index)-\(version)"))
    }
  }
}
