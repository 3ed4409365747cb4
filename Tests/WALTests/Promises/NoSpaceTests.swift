import Foundation
import Testing

extension WALPromises {
  /// Promise 5, where the disk and not `max_size` is the limit: the calls that would make the files larger answer ENOSPC.
  @Suite("a full disk", .serialized)
  struct FullDisk {
    static let common = ["segment=131072", "max=\(64 << 20)"]

    /// Runs `wal-child` under a quota that can be changed while it runs.
    struct Limited {
      let scratch: Scratch
      let log: String
      let options: [String]
      let environment: [String: String]

      init(seed: UInt64, options: [String]) throws {
        scratch = try InMemory.scratch()
        let root = scratch.file("disk")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        log = root + "/wal"
        self.options = FullDisk.common + ["seed=\(seed % 1_000_000)"] + options
        environment = ["CLM_ROOT": root, "CLM_QUOTA_FILE": scratch.file("quota")]
      }

      /// By renaming, so that no reader sees an empty file.
      func set(_ bytes: Int) throws {
        _ = try scratch.write(Array("\(bytes)\n".utf8), as: "quota.new")
        try #require(rename(scratch.file("quota.new"), scratch.file("quota")) == 0)
      }

      func start(_ command: String, _ more: [String]) throws -> Child {
        try Child([command, log] + options + more, environment: environment)
      }

      func check() throws -> Finding {
        let child = try start("check", [])
        let ended = child.finish()
        return try #require(Finding.parse(child.lines).first, "\(ended)")
      }
    }

    @Test("under drop-oldest goes on taking rows, unattended, and says how many it dropped")
    func dropOldest() throws {
      let seed = WALPromises.seed("full disk, drop-oldest")
      var random = Seeded(seed)
      for round in 0..<4 {
        let disk = try Limited(seed: seed, options: ["keep=3600"])
        try disk.set(Int.random(in: (3 << 20)...(5 << 20), using: &random))
        let child = try disk.start("write", ["batches=150", "close=1"])
        let ended = child.finish()
        #expect(ended == .exit(0), "seed \(seed), round \(round): \(child.lines.suffix(3))")
        // Whoever appends is not told that it is full: there is always an oldest segment to go.
        #expect(!child.lines.contains { $0.hasPrefix("F ") }, "seed \(seed), round \(round)")
        let counters = child.lines.last { $0.hasPrefix("N ") } ?? ""
        #expect(!counters.contains("dropped 0 "), "\(counters)")
        var ledger = Ledger()
        ledger.add(child.lines)
        #expect(ledger.problems == [])
        let finding = try disk.check()
        #expect(finding.result == "end" && finding.problems == [] && finding.partial.isEmpty, "\(finding)")
        // What is left is the newest of each worker, without a gap.
        for worker in 0...3 {
          let ranges = finding.whole[worker] ?? []
          #expect(ledger.acknowledged[worker] == 150 && finding.positions[worker] == 150)
          #expect(ranges.count <= 1 && ranges.last.map { $0.upperBound == 150 } ?? true, "worker \(worker): \(ranges)")
        }
        #expect(finding.whole.values.contains { !$0.isEmpty })
      }
    }

    @Test("under reject refuses until there is room again, loses nothing, and goes on by itself")
    func reject() async throws {
      let seed = WALPromises.seed("full disk, reject")
      let disk = try Limited(seed: seed, options: ["full=reject", "keep=3600"])
      try disk.set(3 << 20)
      let child = try disk.start("write", ["batches=150", "close=1"])
      child.read(until: .now + .seconds(60)) { $0.hasPrefix("F ") }
      // It stays full for a while, and nothing is dropped for it.
      child.read(until: .now + .seconds(1))
      #expect(child.lines.count { $0.hasPrefix("F ") } > 3 && child.ended == nil, "\(child.lines.suffix(3))")
      try disk.set(64 << 20)
      #expect(child.finish() == .exit(0), "\(child.lines.suffix(3))")
      var ledger = Ledger()
      ledger.add(child.lines)
      let finding = try disk.check()
      #expect(finding.broken(ledger, keepsAll: true) == [], "seed \(seed)")
      for worker in 0...3 { #expect(finding.whole[worker] == [1...150]) }
    }

    @Test("takes no dead letter that has no room, and keeps those that had", arguments: ["reject", "drop-oldest"])
    func deadLetters(policy: String) throws {
      let seed = WALPromises.seed("full disk, dead letters, \(policy)")
      let disk = try Limited(seed: seed, options: ["keep=0", "full=\(policy)"])
      try disk.set(3 << 19)
      let child = try disk.start("write", ["workers=2", "lane=1", "letters=1"])
      child.read(until: .now + .seconds(60)) { $0 == "G" }
      child.kill()
      #expect(child.finish() == .signal(SIGKILL) && child.lines.contains("G"), "\(child.lines.suffix(3))")
      var ledger = Ledger()
      ledger.add(child.lines)
      #expect(ledger.problems == [] && !ledger.letters.isEmpty)
      try disk.set(64 << 20)
      let finding = try disk.check()
      #expect(finding.result == "end" && finding.problems == [], "seed \(seed): \(finding)")
      #expect(ledger.letters.isSubset(of: finding.letters), "seed \(seed)")
    }

    @Test("under reject lives on what a forwarder delivers")
    func delivered() throws {
      let seed = WALPromises.seed("full disk, reject and deliver")
      let disk = try Limited(seed: seed, options: ["full=reject", "keep=0"])
      try disk.set(3 << 20)
      let child = try disk.start("write", ["batches=200", "workers=2", "lane=1", "lane-pause=2", "close=1"])
      #expect(child.finish() == .exit(0), "\(child.lines.suffix(3))")
      var ledger = Ledger()
      ledger.add(child.lines)
      #expect(try disk.check().broken(ledger, keepsAll: false) == [], "seed \(seed)")
    }

    @Test("and a kill together lose nothing that was acknowledged", arguments: ["reject", "drop-oldest"])
    func killed(policy: String) throws {
      let seed = WALPromises.seed("full disk, killed, \(policy)")
      var random = Seeded(seed)
      let disk = try Limited(seed: seed, options: policy == "reject" ? ["full=reject", "keep=3600"] : ["keep=3600"])
      try disk.set(3 << 20)
      var ledger = Ledger()
      for kill in 0..<12 {
        let child = try disk.start("write", [])
        child.read(until: .now + .milliseconds(Int.random(in: 20...250, using: &random)))
        child.kill()
        child.finish()
        ledger.add(child.lines)
        // The check itself has to append one batch: a little more room, which is then taken as well.
        if policy == "reject" { try disk.set((3 << 20) + (kill + 1) * (256 << 10)) }
        let finding = try disk.check()
        if policy == "reject" {
          try #require(finding.broken(ledger, keepsAll: true) == [], "seed \(seed), kill \(kill)")
        } else {
          // The rest would fail for the same reason.
          try #require(finding.result == "end" && finding.problems == [] && finding.partial.isEmpty, "\(finding)")
          for (worker, last) in ledger.acknowledged where worker < 3 {
            let end = finding.positions[worker] ?? 0
            #expect(end >= last, "worker \(worker)")
            let ranges = finding.whole[worker] ?? []
            #expect(ranges.count <= 1 && (ranges.last?.upperBound ?? end) == end, "worker \(worker): \(ranges)")
          }
        }
      }
    }
  }
}
