import Foundation
import Testing

extension WALPromises {
  /// Promise 2: what is sent again because its answer got lost is stored once, whenever the receiver is killed.
  @Suite("killed receivers", .serialized)
  struct KilledReceivers {
    @Test("hold every row exactly once in the end: 60 kills, 10 of each log")
    func kills() throws {
      let seed = WALPromises.seed("killed receivers")
      let perLog = (WALPromises.rounds(60) + 5) / 6
      for number in 0..<6 { try KilledReceivers.run(number, seed: seed, kills: perLog) }
    }

    private static func run(_ number: Int, seed: UInt64, kills: Int) throws {
      var random = Seeded(seed &+ UInt64(number))
      let scratch = try InMemory.scratch()
      let log = scratch.file("wal")
      let senders = 10..<14
      let options =
        ["seed=\((seed &+ UInt64(number)) % 1_000_000)", "senders=\(senders.count)", "max=\(1 << 30)"]
        + ["segment=\(number % 2 == 0 ? 65536 : 262_144)"]
      var ledger = Ledger()
      // Whoever sends knows what was answered, and nothing else.
      func unanswered() -> [String] { senders.map { "from\($0)=\((ledger.acknowledged[$0] ?? 0) + 1)" } }
      let about = "seed \(seed), log \(number)"
      for kill in 0..<kills {
        // Half of the kills at a time, half before a certain write, flush or renaming.
        let byTime = Bool.random(using: &random)
        let environment =
          byTime ? [:] : ["CLM_ROOT": scratch.path, "CLM_KILL_AT": "\(Int.random(in: 1...300, using: &random))"]
        let child = try Child(["receive", log, "run=\(kill)"] + options + unanswered(), environment: environment)
        child.read(until: .now + .milliseconds(byTime ? Int.random(in: 0...200, using: &random) : 2000))
        child.kill()
        let ended = child.finish()
        ledger.add(child.lines)
        try #require(ended == .signal(SIGKILL), "\(about), kill \(kill): \(ended), \(child.lines.suffix(3))")
      }
      // What was stored and not answered is sent once more, and some new batches.
      let batches = (ledger.acknowledged.values.max() ?? 0) + 20
      let last = try Child(
        ["receive", log, "run=\(kills)", "batches=\(batches)", "close=\(number % 2)"] + options + unanswered())
      let ended = last.finish()
      ledger.add(last.lines)
      try #require(ended == .exit(0), "\(about): \(ended), \(last.lines.suffix(3))")
      let check = try Child(["check", log] + options)
      check.finish()
      let finding = try #require(Finding.parse(check.lines).first)
      #expect(finding.result == "end" && finding.problems + ledger.problems == [], "\(about)")
      #expect(finding.partial.isEmpty, "\(about): not whole, or there twice: \(finding.partial.prefix(5))")
      for sender in senders { #expect(finding.whole[sender] == [1...batches], "\(about), sender \(sender)") }
      #expect(ledger.acknowledged.values.allSatisfy { $0 == batches })
    }
  }
}
