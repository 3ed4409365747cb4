import Codec
import Glibc
import Model
import Synchronization
import Testing

@testable import Forwarders

/// Drives a writer as a lane does, through crashes: what was not answered comes again, and sometimes what was.
struct CrashRun {
  /// Small enough that files are finished all the time.
  static let rotateBytes = 500

  let deliveries: [Delivery]
  let expected: [String]
  var disk: MemoryDirectory
  private var clock: Int64 = 1_700_000_000_000

  init(faults: [Int: MemoryDirectory.Fault] = [:]) throws {
    disk = MemoryDirectory(faults: faults)
    let second = Origin(low: 3, high: 4)
    deliveries = [
      try SampleBlocks.delivery(1...2), try SampleBlocks.delivery(3...3),
      try SampleBlocks.delivery(1...4, origin: second, target: "b"), try SampleBlocks.delivery(4...8),
      try SampleBlocks.delivery(5...5, origin: second, target: "b"), try SampleBlocks.delivery(9...9),
    ]
    expected =
      SampleBlocks.lines(1...9) + SampleBlocks.lines(1...5, target: "b")
  }

  private func writer() throws -> FileWriter<MemoryDirectory> {
    var configuration = FileForwarderConfiguration(path: "")
    configuration.rotateBytes = Self.rotateBytes
    let (disk, clock) = (disk, clock)
    let now = { UnixMilliseconds(clock) }
    return try FileWriter(configuration, now: now) { () throws(DirectoryError) in disk }
  }

  /// Delivers everything. At each end of the world `revive` gives the directory that the next process finds; after an error that is no end the
  /// same process goes on. `forget` says how many answered deliveries come again after a crash.
  mutating func deliverAll(
    revive: (MemoryDirectory) -> MemoryDirectory, forget: () -> Int
  ) throws {
    var cursor = 0
    var attempts = 0
    while cursor < deliveries.count {
      var writer = try writer()
      while cursor < deliveries.count {
        attempts += 1
        try #require(attempts < 1000)
        do {
          _ = try writer.deliver(deliveries[cursor])
          cursor += 1
        } catch {
          if disk.hasEnded { break }
        }
      }
      clock += 1000
      // The world may also end in the rotation, which no answer speaks of.
      guard disk.hasEnded else {
        writer.close()
        continue
      }
      disk = revive(disk)
      cursor = max(0, cursor - forget())
    }
    // A process that finds what the last crash left, with nothing to deliver.
    while true {
      var writer = try writer()
      try? writer.rotateIfDue()
      guard disk.hasEnded else { return }
      disk = revive(disk)
    }
  }

  /// All lines of finished and unfinished files.
  func lines() throws -> [String] {
    var lines: [String] = []
    for (name, bytes) in disk.contents where name.hasPrefix("clymene-") {
      #expect(!name.contains("set-aside"))
      #expect(bytes.isEmpty || bytes.last == UInt8(ascii: "\n"))
      lines += String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
    return lines
  }

  func check(_ what: Comment, sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try lines().sorted() == expected.sorted(), what, sourceLocation: sourceLocation)
    let parts = disk.contents.keys.filter { $0.hasSuffix(".part") }
    #expect(parts.count <= 1, what, sourceLocation: sourceLocation)
  }
}

/// Long loops, so each turn lets other tests go on.
@Suite
struct `A crash of the file forwarder` {
  /// Steps of a run in which nothing goes wrong.
  static func steps() throws -> Int {
    var run = try CrashRun()
    try run.deliverAll(revive: { $0 }, forget: { 0 })
    try run.check("without a fault")
    #expect(run.disk.contents.keys.filter { $0.hasSuffix(".ndjson") }.count >= 3)
    return run.disk.steps
  }

  @Test
  func `The process killed at any step leaves each line once`() async throws {
    let steps = try Self.steps()
    #expect(steps > 40)
    for step in 1...steps {
      for forgotten in 0...2 {
        await Task.yield()
        var run = try CrashRun(faults: [step: .end])
        try run.deliverAll(revive: { $0.afterKill() }, forget: { forgotten })
        try run.check("killed at step \(step), \(forgotten) answers forgotten")
      }
    }
  }

  @Test
  func `The power cut at any step leaves each line once, whatever of the unflushed was kept`() async throws {
    for step in 1...(try Self.steps()) {
      for seed in 0..<6 {
        var luck = SeededGenerator(UInt64(step * 1000 + seed))
        await Task.yield()
        var run = try CrashRun(faults: [step: .end])
        try run.deliverAll(revive: { $0.afterPowerCut(&luck) }, forget: { seed % 3 })
        try run.check("power cut at step \(step), seed \(seed)")
      }
    }
  }

  @Test
  func `The process killed at any step and the power cut soon after leaves each line once`() async throws {
    for step in 1...(try Self.steps()) {
      for second in 1...8 {
        var luck = SeededGenerator(UInt64(step * 1000 + second))
        await Task.yield()
        var run = try CrashRun(faults: [step: .end])
        var crashes = 0
        try run.deliverAll(
          revive: { disk in
            crashes += 1
            return crashes == 1 ? disk.afterKill(faults: [second: .end]) : disk.afterPowerCut(&luck)
          }, forget: { 0 })
        try run.check("killed at step \(step), power cut at step \(second) of the next process")
      }
    }
  }

  @Test
  func `Crash after crash, also while recovering, leaves each line once`() async throws {
    for seed in 0..<300 {
      var luck = SeededGenerator(UInt64(seed))
      await Task.yield()
      var run = try CrashRun(faults: [Int.random(in: 1...30, using: &luck): .end])
      var left = 12
      try run.deliverAll(
        revive: { disk in
          left -= 1
          let faults: [Int: MemoryDirectory.Fault] = left > 0 ? [Int.random(in: 1...25, using: &luck): .end] : [:]
          return Bool.random(using: &luck)
            ? disk.afterKill(faults: faults) : disk.afterPowerCut(&luck, faults: faults)
        }, forget: { left % 3 })
      try run.check("seed \(seed)")
    }
  }

  @Test(arguments: [ENOSPC, EIO])
  func `An error of the disk at any step is survived without a new process`(code: Int32) async throws {
    for step in 1...(try Self.steps()) {
      await Task.yield()
      var run = try CrashRun(faults: [step: .error(code), step + 1: .error(code), step + 5: .error(code)])
      try run.deliverAll(revive: { $0 }, forget: { 0 })
      try run.check("error at step \(step)")
    }
  }

  @Test(arguments: [ENOSPC, EIO])
  func `A single error of the disk at any step, with nothing wrong after it, leaves each line once`(
    code: Int32
  ) async throws {
    for step in 1...(try Self.steps()) {
      await Task.yield()
      var run = try CrashRun(faults: [step: .error(code)])
      try run.deliverAll(revive: { $0 }, forget: { 0 })
      try run.check("one error at step \(step)")
    }
  }

  @Test
  func `A single error of the disk at any step and an end soon after leaves each line once`() async throws {
    for step in 1...(try Self.steps()) {
      for after in 1...8 {
        var luck = SeededGenerator(UInt64(step * 1000 + after))
        for cutsPower in [false, true] {
          await Task.yield()
          var run = try CrashRun(faults: [step: .error(EIO), step + after: .end])
          try run.deliverAll(
            revive: { cutsPower ? $0.afterPowerCut(&luck) : $0.afterKill() }, forget: { after % 2 })
          try run.check("error at step \(step), end \(after) steps later, power cut: \(cutsPower)")
        }
      }
    }
  }

  @Test
  func `Rows that were recorded and are missing from the unfinished file are written when they come again`() throws {
    let disk = MemoryDirectory()
    func writer() throws -> FileWriter<MemoryDirectory> {
      let now = { UnixMilliseconds(0) }
      return try FileWriter(FileForwarderConfiguration(path: ""), now: now) { () throws(DirectoryError) in disk }
    }
    var first = try writer()
    #expect(try first.deliver(SampleBlocks.delivery(1...2)) == .written)
    first.close()
    let part = try #require(disk.contents.keys.first { $0.hasSuffix(".part") })
    let bytes = try #require(disk.contents[part])
    disk.put(part, Array(bytes.dropLast(5)))

    var second = try writer()
    #expect(try second.deliver(SampleBlocks.delivery(1...2)) == .written)
    second.close()
    #expect(disk.contents["\(part).set-aside"] == Array(bytes.dropLast(5)))
    let next = try #require(disk.contents.first { $0.key.hasSuffix(".part") })
    let lines = String(decoding: next.value, as: UTF8.self).split(separator: "\n").map(String.init)
    #expect(lines.sorted() == SampleBlocks.lines(1...2).sorted())
  }
}
