import Foundation
import Testing

extension WALPromises {
  /// Promise 4: damage costs only itself.
  @Suite("damage", .serialized)
  struct DamageTests {
    typealias Damage = DamagedLog.Damage

    @Test("opens with a bit flipped in more than 2,000 places, and delivers everything that was not hit")
    func flips() throws {
      let seed = WALPromises.seed("damage, flips")
      var random = Seeded(seed)
      let scratch = try InMemory.scratch()
      var total = 0
      var broken: [String] = []
      for clean in [true, false] {
        let log = try DamagedLog(scratch, seed: Int(seed % 1_000_000), clean: clean)
        var damages: [Damage] = []
        func add(_ path: String, _ places: some Sequence<Int>) {
          for place in places where place < log.files[path]?.count ?? 0 {
            damages.append(.flip(path, bit: place * 8 + Int.random(in: 0...7, using: &random)))
          }
        }
        func some(_ count: Int, of places: [Int]) -> [Int] { Array(places.shuffled(using: &random).prefix(count)) }
        // Of a sealed segment and of the active one: a whole record head and block header, of a block on pages of its own and
        // of one inside a leaf page; a table's header; and what LMDB finds its way by, in one of the logs all of it.
        for segment in clean ? [log.segments[0], log.active] : [log.active] {
          add(segment, log.headerBytes(in: segment))
          add(segment, log.tableHeaderBytes(in: segment))
          add(segment, log.branchBytes(of: segment))
          add(segment, some(clean ? 80 : 160, of: log.leafBytes(of: segment)))
          add(segment, clean ? some(60, of: DamagedLog.metaBytes) : DamagedLog.metaBytes)
        }
        add("catalog.lmdb", clean ? log.branchBytes(of: "catalog.lmdb") + DamagedLog.metaBytes : [])
        add("catalog.lmdb", some(60, of: log.leafBytes(of: "catalog.lmdb")))
        // Anywhere else.
        for path in log.files.keys.sorted() {
          let length = log.files[path]?.count ?? 0
          guard length > 0 else { continue }
          add(
            path,
            (0..<(path == "catalog.lmdb" || path == log.active ? 60 : 12)).map { _ in
              Int.random(in: 0..<length, using: &random)
            })
        }
        if ProcessInfo.processInfo.environment["CLYMENE_TEST_ROUNDS"] != nil {
          damages = Array(damages.shuffled(using: &random).prefix(WALPromises.rounds(2000)))
        }
        total += damages.count
        broken += try DamageTests.run(damages, of: log, scratch: scratch)
      }
      print("WALPromises, damage, flips: \(total) places")
      #expect(broken.isEmpty, "seed \(seed): \(broken.count) broken: \(broken.prefix(12).joined(separator: "\n"))")
      #expect(total >= WALPromises.rounds(2000))
    }

    @Test("opens with files cut to 200 lengths, longer than they were, or missing")
    func lengths() throws {
      let seed = WALPromises.seed("damage, lengths")
      var random = Seeded(seed)
      let scratch = try InMemory.scratch()
      var broken: [String] = []
      for clean in [true, false] {
        let log = try DamagedLog(scratch, seed: Int(seed % 1_000_000), clean: clean)
        var damages: [Damage] = []
        let paths = log.files.keys.sorted()
        for path in paths {
          let length = log.files[path]?.count ?? 0
          damages += [.gone(path), .cut(path, length: 0), .grown(path, by: 1), .grown(path, by: 4096)]
          if length > 0 { damages.append(.cut(path, length: length - 1)) }
        }
        // The files that matter most, at whole pages and anywhere.
        for i in 0..<100 {
          let path = [log.active, "catalog.lmdb", log.segments[i % log.segments.count], paths[i % paths.count]][i % 4]
          let length = log.files[path]?.count ?? 0
          guard length > 0 else { continue }
          let cut = Int.random(in: 0..<length, using: &random)
          damages.append(.cut(path, length: i % 2 == 0 ? cut / 4096 * 4096 : cut))
        }
        broken += try DamageTests.run(damages, of: log, scratch: scratch)
      }
      #expect(broken.isEmpty, "seed \(seed): \(broken.count) broken: \(broken.prefix(12).joined(separator: "\n"))")
    }

    static func run(_ damages: [Damage], of log: DamagedLog, scratch: Scratch) throws -> [String] {
      var broken: [String] = []
      for start in stride(from: 0, to: damages.count, by: 100) {
        let part = Array(damages[start..<min(start + 100, damages.count)])
        let directories = part.indices.map { scratch.file("damaged-\($0)") }
        for (damage, directory) in zip(part, directories) { try log.write(damage, to: directory) }
        let findings = try Checks.run(directories, options: ["seed=\(log.seed)", "segment=131072"])
        try #require(findings.count == part.count)
        for (damage, finding) in zip(part, findings) {
          broken += log.broken(damage, finding)
          // Nothing is thrown away to get past it.
          if finding.opening.contains("is damaged"), !log.isKept(damage, in: finding.directory) {
            broken.append("\(damage): not kept in the quarantine; opening: \(finding.opening)")
          }
        }
        for directory in directories { try FileManager.default.removeItem(atPath: directory) }
      }
      return broken
    }
  }
}
