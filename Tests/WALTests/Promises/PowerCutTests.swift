import Foundation
import Testing

extension WALPromises {
  /// Promise 1: nothing accepted is lost, whenever the power is cut.
  @Suite("power cuts", .serialized)
  struct PowerCuts {
    struct Run: Sendable, CustomTestStringConvertible {
      let name: String
      /// What the program is started with, once for each.
      let starts: [[String]]
      /// The first starts are killed before so many steps.
      let killAt: [Int]
      let keepsAll: Bool
      var testDescription: String { name }
    }

    static let runs = [
      Run(
        name: "filling and rolling", starts: [["batches=60", "lane=1", "letters=1", "segment=65536"]], killAt: [],
        keepsAll: true),
      Run(
        name: "closed and opened again",
        starts: [
          ["batches=20", "lane=1", "close=1", "segment=65536"], ["batches=45", "lane=1", "close=1", "segment=65536"],
        ],
        killAt: [], keepsAll: true),
      Run(
        name: "killed, and the power cut while it recovers",
        starts: [
          ["batches=1000", "lane=1", "segment=65536"], ["batches=1000", "segment=65536"],
          ["batches=50", "segment=65536"],
        ], killAt: [250, 120], keepsAll: true),
      Run(
        name: "removing what is delivered",
        starts: [["batches=80", "workers=2", "lane=1", "keep=0", "segment=65536", "linger=100"]], killAt: [],
        keepsAll: false),
    ]

    @Test("lose nothing that was acknowledged: 50 images of each run, torn pages among them", arguments: runs)
    func images(_ run: Run) throws {
      let seed = WALPromises.seed("power cuts, \(run.name)")
      let scratch = try InMemory.scratch()
      let trace = try PowerCuts.record(run, seed: seed, scratch: scratch)
      let broken = try PowerCuts.broken(
        trace, run, images: WALPromises.rounds(200) / PowerCuts.runs.count, seed: seed, scratch: scratch)
      #expect(broken.flatMap { $0 } == [])
    }

    /// Otherwise the test above could not fail.
    @Test("lose a lot when the disk ignores flushes, of files or of directories")
    func unflushed() throws {
      let seed = WALPromises.seed("power cuts without flushes")
      let scratch = try InMemory.scratch()
      var trace = try PowerCuts.record(PowerCuts.runs[0], seed: seed, scratch: scratch)
      let steps = trace.steps
      trace.steps = steps.filter { if case .flushDirectory = $0 { false } else { true } }
      let names = try PowerCuts.broken(trace, PowerCuts.runs[0], images: 20, seed: seed, scratch: scratch)
      trace.steps = steps.filter { if case .flush = $0 { false } else { true } }
      let bytes = try PowerCuts.broken(trace, PowerCuts.runs[0], images: 20, seed: seed, scratch: scratch)
      // Even then no image is the death of the program.
      #expect(!(names + bytes).joined().contains { $0.contains("death") })
      #expect(names.filter { !$0.isEmpty }.count > 5 && bytes.filter { !$0.isEmpty }.count > 5)
    }

    static func record(_ run: Run, seed: UInt64, scratch: Scratch) throws -> WriteTrace {
      let root = scratch.file("recorded")
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      for (i, start) in run.starts.enumerated() {
        var environment = ["CLM_ROOT": root, "CLM_TRACE": scratch.file("trace")]
        if run.killAt.indices.contains(i) { environment["CLM_KILL_AT"] = "\(run.killAt[i])" }
        let child = try Child(
          ["write", root + "/wal", "seed=\(seed % 1_000_000)"] + start, environment: environment)
        let ended = child.finish()
        try #require(
          ended == (environment["CLM_KILL_AT"] == nil ? .exit(0) : .signal(SIGKILL)), "\(child.lines.suffix(3))")
      }
      return try WriteTrace(readingFrom: scratch.file("trace"))
    }

    /// What each image breaks.
    static func broken(
      _ trace: WriteTrace, _ run: Run, images: Int, seed: UInt64, scratch: Scratch
    ) throws -> [[String]] {
      var random = Seeded(seed)
      var cuts: [Int] = []
      let directories = (0..<images).map { scratch.file("image-\($0)") }
      defer { for directory in directories { try? FileManager.default.removeItem(atPath: directory) } }
      for i in 0..<images {
        let power = PowerCut(
          trace: trace, cut: cut(trace, using: &random), unit: i % 2 == 0 ? 4096 : 512,
          share: [0, 0.15, 0.5, 0.85, 1][i % 5])
        try power.write(to: directories[i], using: &random)
        cuts.append(power.cut)
      }
      let checks = try Checks.run(
        directories.map { $0 + "/wal" },
        options: ["seed=\(seed % 1_000_000)", run.keepsAll ? "keep=3600" : "keep=0", "segment=65536"])
      try #require(checks.count == images)
      return zip(checks, cuts).map { finding, cut in
        var ledger = Ledger()
        ledger.add(trace.marks(before: cut))
        return finding.broken(ledger, keepsAll: run.keepsAll).map {
          "\(run.name), seed \(seed), cut before step \(cut) of \(trace.steps.count): \($0); opening: \(finding.opening)"
        }
      }
    }

    /// Half of the cuts anywhere, half right at a step that changes a directory or a length, where the order matters most.
    static func cut(_ trace: WriteTrace, using random: inout Seeded) -> Int {
      let turns = trace.steps.indices.filter {
        switch trace.steps[$0] {
        case .create, .rename, .unlink, .makeDirectory, .flushDirectory, .length: true
        default: false
        }
      }
      if Bool.random(using: &random), let turn = turns.randomElement(using: &random) {
        return min(trace.steps.count, max(0, turn + Int.random(in: -1...3, using: &random)))
      }
      return Int.random(in: 0...trace.steps.count, using: &random)
    }
  }
}

/// Many logs checked by few children, two at a time; one that dies leaves the log that it died of, and the rest to the next.
enum Checks {
  static func run(_ directories: [String], options: [String]) throws -> [Finding] {
    let parts = stride(from: 0, to: directories.count, by: 25).map {
      Array(directories[$0..<min($0 + 25, directories.count)])
    }
    var findings: [Finding] = []
    for pair in stride(from: 0, to: parts.count, by: 2) {
      let children = try parts[pair..<min(pair + 2, parts.count)].map { ($0, try Child(["check"] + $0 + options)) }
      for (part, child) in children {
        var child = child
        var left = part
        while true {
          let ended = child.finish()
          var found = Finding.parse(child.lines)
          if let last = found.last, last.result == nil { found[found.count - 1].result = "the child's death: \(ended)" }
          findings += found
          left.removeFirst(min(left.count, found.count))
          if left.isEmpty { break }
          // Nothing at all was said: that would go on for ever.
          guard !found.isEmpty else {
            findings += left.map { Finding(directory: $0, result: "not checked: \(ended)") }
            break
          }
          child = try Child(["check"] + left + options)
        }
      }
    }
    return findings
  }
}
