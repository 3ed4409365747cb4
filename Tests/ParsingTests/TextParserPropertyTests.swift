import Foundation
import Testing

@testable import Parsing

@Suite("The text format on random bodies")
struct TextParserPropertyTests {
  /// Every run takes other bodies; `CLYMENE_TEST_SEED` runs those of an earlier one again.
  static let seed =
    ProcessInfo.processInfo.environment["CLYMENE_TEST_SEED"].flatMap(UInt64.init) ?? .random(in: 0...(.max))

  @Test("bodies of random pieces are judged and read as the plain parser does")
  func pieces() {
    print("text format, random pieces: CLYMENE_TEST_SEED=\(Self.seed)")
    var random = SeededGenerator(seed: Self.seed)
    var accepted = 0
    for round in 0..<40_000 {
      let body = (0..<Int.random(in: 1...12, using: &random)).flatMap { _ in Self.piece(using: &random) }
      if compare(body, round) { accepted += 1 }
    }
    // The pieces are chosen so that a good part is right; else this would compare errors only.
    #expect(accepted > 1000)
  }

  @Test("right bodies with a few bytes changed are judged and read as the plain parser does")
  func mutations() {
    print("text format, mutations: CLYMENE_TEST_SEED=\(Self.seed)")
    var random = SeededGenerator(seed: Self.seed ^ 1)
    var accepted = 0
    for round in 0..<20_000 {
      var body = Array(Self.bodies[Int.random(in: 0..<Self.bodies.count, using: &random)].utf8)
      for _ in 0..<Int.random(in: 0...3, using: &random) { Self.mutate(&body, using: &random) }
      if compare(body, round) { accepted += 1 }
    }
    #expect(accepted > 1000)
  }

  @Test("no part of a real dump, however damaged, does harm", .enabled(if: Conformance.has("01b-realworld-dumps")))
  func damagedDumps() throws {
    print("text format, damaged dumps: CLYMENE_TEST_SEED=\(Self.seed)")
    var random = SeededGenerator(seed: Self.seed ^ 2)
    let folder = Conformance.folder.appendingPathComponent("01b-realworld-dumps")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "txt" }.sorted { $0.path < $1.path }
    for (number, file) in files.enumerated() {
      let dump = Array(try Data(contentsOf: file))
      for round in 0..<20 where !dump.isEmpty {
        let start = Int.random(in: 0..<dump.count, using: &random)
        var body = Array(dump[start..<min(dump.count, start + 2000)])
        for _ in 0..<Int.random(in: 0...4, using: &random) { Self.mutate(&body, using: &random) }
        _ = compare(body, number * 100 + round)
      }
    }
  }

  /// Whether both parsers took the body; records an issue where they differ.
  private func compare(_ body: [UInt8], _ round: Int) -> Bool {
    let (ours, error) = parseAll(body)
    let reference = ReferenceTextParser.parse(body)
    if (error == nil) != (reference != nil) || reference != nil && ours != reference {
      Issue.record(
        """
        seed \(Self.seed), round \(round): \(body.debugDescription) \(String(decoding: body, as: UTF8.self).debugDescription)
        ours \(error.map(\.description) ?? "\(ours)"), reference \(reference.map { "\($0)" } ?? "refused")
        """)
    }
    if error == nil { compareExpecting(ours, body) }
    return reference != nil
  }

  /// Offers the parser the right series, or now and then a wrong one, before each entry: the samples must be the same.
  private func compareExpecting(_ entries: [Entry], _ body: [UInt8]) {
    let keys = entries.filter { $0.kind == "series" }.map { Array($0.series.utf8) }
    let hash = KeyHash(seed: 5)
    for shift in 0...1 where !keys.isEmpty {
      var parser = TextParser()
      var samples: [Entry] = []
      do throws(ExpositionError) {
        while samples.count <= keys.count {
          let key = keys[(samples.count + shift) % keys.count]
          var entry = Entry()
          if let known = hash.key(0..<key.count, in: key.span),
            let (value, timestamp) = try parser.sample(of: known, by: hash, in: body.span)
          {
            entry.series = String(decoding: key, as: UTF8.self)
            entry.value = value.bitPattern
            entry.timestamp = timestamp?.rawValue
          } else {
            guard let next = try parser.next(in: body.span) else { break }
            guard case .sample(let series, let value, let timestamp) = next else { continue }
            entry.series = String(decoding: body[series], as: UTF8.self)
            entry.value = value.bitPattern
            entry.timestamp = timestamp?.rawValue
          }
          samples.append(entry)
        }
      } catch {
        Issue.record("seed \(Self.seed): \(error) only with expected keys, \(body)")
      }
      let plain = entries.filter { $0.kind == "series" }
      #expect(samples.map(\.series) == plain.map(\.series), "seed \(Self.seed): \(body)")
      #expect(samples.map(\.value) == plain.map(\.value), "seed \(Self.seed): \(body)")
      #expect(samples.map(\.timestamp) == plain.map(\.timestamp), "seed \(Self.seed): \(body)")
    }
  }

  private static func mutate(_ body: inout [UInt8], using random: inout SeededGenerator) {
    let special = Array("{}\"\\,=# \t\n\0_:a1.+-e\u{FF}".utf8) + [0x80, 0xC3, 0xFF]
    let at = Int.random(in: 0...body.count, using: &random)
    let byte = special[Int.random(in: 0..<special.count, using: &random)]
    switch Int.random(in: 0..<4, using: &random) {
    case 0: body.insert(byte, at: at)
    case 1 where at < body.count: body.remove(at: at)
    case 2 where at < body.count: body.removeSubrange(at..<min(body.count, at + Int(byte % 16)))
    default: if at < body.count { body[at] = byte }
    }
  }

  private static func piece(using random: inout SeededGenerator) -> [UInt8] {
    Array(pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8)
  }

  private static let pieces = [
    "a 1\n", "b{c=\"d\"} 2 3\n", "{\"e f\",g=\"h\"} NaN\n", "# TYPE a histogram\n", "# TYPE s summary\n",
    "# HELP a b\\n\\\\c\n", "#\n",
    "a_bucket{le=\"10\",quantile=\"0.50\"} 1\n", "\n", " ", "\t", "{", "}", "\"", "\\", "\\\"", "\\n", "\0", ",", "=",
    "#", "# ", "HELP ", "TYPE ",
    "a", "a:b", "é", "1", "-1.5e3", "+Inf", "0x1", "1e999", "99999999999999999999", " 1\n", "{a=\"", "\"} 1\n", "\",",
    "x=\"y\"", "x = \"y\" ",
    "\"q\"", "{\"q\"}", "counter", "untyped\n", "\r", "@",
  ]

  private static let bodies = [
    "# HELP http_requests_total The requests,\\n by \\\\code.\n# TYPE http_requests_total counter\nhttp_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n",
    "# TYPE t histogram\nt_bucket{le=\"0.05\"} 24054\nt_bucket{le=\"+Inf\"} 144320\nt_sum 53423.5\nt_count 144320",
    "something {path=\"C:\\\\DIR\\\\\", text = \"say \\\"hi\\\"\\n\" } 1.458255915e9\nmetric_without_timestamp_and_labels 12.47\n",
    "# HELP \"a b\" x\n# TYPE \"a b\" untyped\n{\"a b\",\"c.d\"=\"e\\\"f\"} -Inf\n{g=\"ä\", \"i\"}.5e-3 7\n",
    "  a{b=\"x\ny}\",c=\"\"} +5\n# comment\n#\n\n d 1e22 0\n",
  ]
}

@Suite("Inputs that once did harm")
struct KnownFailureTests {
  @Test("every input that the fuzzer found is read to its end, and as the plain parser reads it")
  func replay() throws {
    let folder = Conformance.packageRoot.appendingPathComponent("fuzz/failures/text")
    let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
    #expect(!files.isEmpty)
    for file in files {
      let body = Array(try Data(contentsOf: file))
      let (entries, error) = parseAll(body)
      #expect((error == nil) == (ReferenceTextParser.parse(body) != nil), "\(file.lastPathComponent) \(entries.count)")
      var parser = TextParser()
      var steps = 0
      while steps <= body.count {
        steps += 1
        do throws(ExpositionError) {
          guard try parser.next(in: body.span) != nil else { break }
        } catch {}
        #expect(parser.offset <= body.count)
      }
      #expect(steps <= body.count + 1, "\(file.lastPathComponent) has no end")
    }
  }
}
