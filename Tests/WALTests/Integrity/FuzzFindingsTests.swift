import CTreeWalk
import Foundation
import Testing

@testable import WAL

@Suite("What the fuzzer found in salvage and tree checks")
struct FuzzFindingsTests {
  private func inputs(_ folder: String) throws -> [[UInt8]] {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("fuzz/" + folder)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return try names.filter { !$0.hasPrefix(".") }.sorted().map {
      [UInt8](try Data(contentsOf: url.appendingPathComponent($0)))
    }
  }

  @Test("no longer fails")
  func findings() throws {
    for input in try inputs("failures/salvage") { SalvageProbe.run(input) }
    for input in try inputs("failures/tree") { TreeProbe.run(input) }
  }

  @Test("started from seeds that reach what they are meant to reach")
  func seeds() throws {
    let scratch = try Scratch()
    let segments = try inputs("corpus/salvage")
    #expect(segments.count >= 2)
    for input in segments {
      let salvage = try Salvage(scanning: scratch.write(SalvageProbe.file(input), as: "s"), offsets: 3..<200)
      #expect(salvage.report.blocks > 0 && salvage.report.missing.count > 0)
    }
    let trees = try inputs("corpus/tree")
    #expect(trees.count >= 3)
    for input in trees {
      var result = clm_walk_result()
      input.withUnsafeBufferPointer { clm_check_structure($0.baseAddress, UInt64($0.count), &result) }
      #expect(result.status == 0 && result.entries > 0)
    }
  }
}
