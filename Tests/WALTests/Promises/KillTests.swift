import Foundation
import Testing

extension WALPromises {
  /// Promise 1: nothing accepted is lost, whenever the process is killed.
  @Suite("kills", .serialized)
  struct Kills {
    /// How one series of kills of one log is made.
    struct Series: Sendable, CustomTestStringConvertible {
      let number: Int
      var testDescription: String { "series \(number)" }
      /// Every fourth log removes what is delivered.
      var keepsAll: Bool { number % 4 != 3 }
      static let all = (0..<40).map { Series(number: $0) }
    }

    @Test("at any instant lose nothing that was acknowledged: 200 kills, 5 of each log")
    func kills() async throws {
      let seed = WALPromises.seed("kills")
      let perSeries = (WALPromises.rounds(200) + 39) / 40
      let outcomes = await withTaskGroup(of: [String].self) { group in
        var results: [String] = []
        for (i, series) in Series.all.enumerated() {
          if i >= 2 { results += await group.next() ?? [] }
          group.addTask {
            do { return try WALPromises.Kills.run(series, seed: seed, kills: perSeries) } catch {
              return ["\(series): \(error)"]
            }
          }
        }
        for await result in group { results += result }
        return results
      }
      #expect(outcomes == [])
    }

    /// Gives back what was broken.
    static func run(_ series: Series, seed: UInt64, kills: Int) throws -> [String] {
      var random = Seeded(seed &+ UInt64(series.number))
      let scratch = try InMemory.scratch()
      let log = scratch.file("wal")
      let options =
        ["seed=\(seed % 1_000_000)", "keep=\(series.keepsAll ? 3600 : 0)", "workers=\(series.keepsAll ? 4 : 2)"]
        + ["segment=\(series.number % 2 == 0 ? 65536 : 262_144)", "max=\(1 << 30)"]
      var ledger = Ledger()
      for kill in 0..<kills {
        // Half of the kills at a time, from before the log is open on; half before a certain write, flush or renaming.
        var environment: [String: String] = [:]
        let byTime = Bool.random(using: &random)
        if !byTime {
          environment = ["CLM_ROOT": scratch.path, "CLM_KILL_AT": "\(Int.random(in: 1...600, using: &random))"]
        }
        let child = try Child(["write", log, "lane=1", "letters=1"] + options, environment: environment)
        let patience = Duration.milliseconds(byTime ? Int.random(in: 0...250, using: &random) : 2000)
        child.read(until: .now + patience)
        child.kill()
        let ended = child.finish()
        ledger.add(child.lines)
        if ended != .signal(SIGKILL) {
          return ["series \(series.number), kill \(kill): the child ended with \(ended): \(child.lines.suffix(3))"]
        }
        let check = try Child(["check", log, "close=\(Int.random(in: 0...1, using: &random))"] + options)
        let checked = check.finish()
        guard let finding = Finding.parse(check.lines).first else {
          return ["series \(series.number), kill \(kill): the check ended with \(checked)"]
        }
        let broken = finding.broken(ledger, keepsAll: series.keepsAll)
        if !broken.isEmpty {
          return broken.map { "seed \(seed), series \(series.number), kill \(kill), \(environment): \($0)" }
        }
      }
      return []
    }
  }
}
