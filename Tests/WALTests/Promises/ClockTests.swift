import Foundation
import Testing

extension WALPromises {
  @Suite("a clock that jumps", .serialized)
  struct Clocks {
    static let year: Int64 = 365 * 86_400_000
    static let now: Int64 = 1_795_000_000_000

    /// The file from which `wal-child` reads its clocks.
    struct Clock {
      let scratch: Scratch
      var path: String { scratch.file("clock") }

      func set(sinceBoot: Int64, boot: String, wall: Int64) throws {
        _ = try scratch.write(Array("\(sinceBoot) \(boot) \(wall)\n".utf8), as: "clock.new")
        try #require(rename(scratch.file("clock.new"), path) == 0)
      }
    }

    @Test("years both ways, while it runs and over restarts, makes nothing go before its time")
    func jumps() throws {
      let seed = WALPromises.seed("clock")
      var random = Seeded(seed)
      let scratch = try InMemory.scratch()
      let clock = Clock(scratch: scratch)
      let options =
        ["seed=\(seed % 1_000_000)", "clock=\(clock.path)", "age=\(30 * 86400)", "keep=\(20 * 86400)", "segment=65536"]
      var ledger = Ledger()
      var sinceBoot: Int64 = 5000
      for start in 0..<8 {
        // Every other start is after a restart of the machine, whose clock then says anything.
        if start % 2 == 0 { sinceBoot = Int64.random(in: 0...100_000, using: &random) }
        let boot = "boot\(start / 2)"
        let walls = [0, Clocks.now, Clocks.now - 9 * Clocks.year, Clocks.now + 60 * Clocks.year, 1, Int64.max]
        try clock.set(sinceBoot: sinceBoot, boot: boot, wall: walls.randomElement(using: &random) ?? 0)
        let child = try Child(
          ["write", scratch.file("wal"), "lane=1", "batches=\(10 * (start + 1))", "linger=300"] + options)
        while child.read(until: .now + .milliseconds(10)) {
          sinceBoot += 10
          try clock.set(sinceBoot: sinceBoot, boot: boot, wall: walls.randomElement(using: &random) ?? 0)
        }
        #expect(child.finish() == .exit(0), "start \(start): \(child.lines.suffix(3))")
        ledger.add(child.lines)
        let check = try Child(["check", scratch.file("wal")] + options)
        check.finish()
        let finding = try #require(Finding.parse(check.lines).first)
        #expect(finding.broken(ledger, keepsAll: true) == [], "seed \(seed), start \(start)")
      }
    }

    @Test("does not keep what is too old by the time that has really passed")
    func ages() throws {
      let seed = WALPromises.seed("clock, age")
      let scratch = try InMemory.scratch()
      let clock = Clock(scratch: scratch)
      let options = ["seed=\(seed % 1_000_000)", "clock=\(clock.path)", "age=\(30 * 86400)", "segment=65536"]
      func write(_ batches: Int, day: Int64) throws {
        try clock.set(sinceBoot: day * 86_400_000, boot: "one", wall: Clocks.now - day * Clocks.year)
        let child = try Child(["write", scratch.file("wal"), "batches=\(batches)", "close=1"] + options)
        #expect(child.finish() == .exit(0), "\(child.lines.suffix(3))")
      }
      func check(day: Int64) throws -> Finding {
        try clock.set(sinceBoot: day * 86_400_000, boot: "one", wall: 0)
        // Old segments go at a tick of the writer, so the log is left open for some ticks first.
        let idle = try Child(["write", scratch.file("wal"), "workers=0", "linger=300", "close=1"] + options)
        #expect(idle.finish() == .exit(0), "\(idle.lines.suffix(3))")
        let child = try Child(["check", scratch.file("wal")] + options)
        child.finish()
        return try #require(Finding.parse(child.lines).first)
      }
      try write(20, day: 1)
      for worker in 0...3 { #expect(try check(day: 29).whole[worker] == [1...20]) }
      try write(40, day: 30)
      let later = try check(day: 50)
      for worker in 0...3 {
        let ranges = later.whole[worker] ?? []
        #expect(ranges.count == 1 && ranges.last?.upperBound == 40 && (ranges.first?.lowerBound ?? 0) > 1, "\(ranges)")
      }
    }
  }
}
