import Foundation
import Testing

/// Promise 1: nothing accepted is lost, whenever the power is cut.
@Suite("WALPromises: power cuts", .serialized)
struct PowerCutTests {
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
    Run(name: "filling and rolling", starts: [["batches=60", "lane=1", "segment=65536"]], killAt: [], keepsAll: true),
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
    let seed = PromiseTests.seed("power cuts, \(run.name)")
    var random = Seeded(seed)
    let scratch = try InMemory.scratch()
    let root = scratch.file("recorded")
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    let common = ["seed=\(seed % 1_000_000)"]
    for (i, start) in run.starts.enumerated() {
      var environment = ["CLM_ROOT": root, "CLM_TRACE": scratch.file("trace")]
      if run.killAt.indices.contains(i) { environment["CLM_KILL_AT"] = "\(run.killAt[i])" }
      let child = try Child(["write", root + "/wal"] + start + common, environment: environment)
      let ended = child.finish()
      try #require(
        ended == (environment["CLM_KILL_AT"] == nil ? .exit(0) : .signal(SIGKILL)), "\(child.lines.suffix(3))")
    }
    let trace = try WriteTrace(readingFrom: scratch.file("trace"))
    let count = PromiseTests.rounds(200) / PowerCutTests.runs.count
    var cuts: [Int] = []
    for i in 0..<count {
      let power = PowerCut(
        trace: trace, cut: PowerCutTests.cut(trace, using: &random), unit: i % 2 == 0 ? 4096 : 512,
        share: [0, 0.15, 0.5, 0.85, 1][i % 5])
      try power.write(to: scratch.file("image-\(i)"), using: &random)
      cuts.append(power.cut)
    }
    let keep = run.keepsAll ? "keep=3600" : "keep=0"
    let checks = try Checks.run(
      (0..<count).map { scratch.file("image-\($0)/wal") }, options: common + [keep, "segment=65536"])
    for (i, finding) in checks.enumerated() {
      var ledger = Ledger()
      ledger.add(trace.marks(before: cuts[i]))
      let broken = finding.broken(ledger, keepsAll: run.keepsAll)
      #expect(
        broken == [],
        "seed \(seed), image \(i), cut before step \(cuts[i]) of \(trace.steps.count), opening: \(finding.opening)")
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
