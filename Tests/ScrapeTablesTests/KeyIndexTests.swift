import Model
import Parsing
import Testing

@testable import ScrapeTables

/// Reads bodies with an index as a cache does, beside a dictionary of the texts.
private struct IndexReader {
  static let firstSlot = 3
  var index = KeyIndex(firstSlot: firstSlot)
  /// What the index should know.
  private(set) var slots: [String: UInt32] = [:]
  /// Lines that were what was expected next.
  private(set) var expected = 0
  private(set) var wrong: [String] = []

  /// One scrape; `slot` is asked for each series that is new. One that fails takes up none.
  mutating func scrape(_ names: [String], fails: Bool = false, _ slot: (_ name: String, _ known: Int) -> UInt32) throws
  {
    let text = names.enumerated().map { "\($0.element) \($0.offset)\n" }.joined()
    let body = Array(text.utf8)
    var parser = TextParser()
    var previous = -1
    var at = 0
    expected = 0
    var new: [Range<Int>] = []
    let known = (slots, index.count)
    while true {
      if let key = index.follower(of: previous),
        let (value, _) = try index.sample(of: key, by: .ofProcess, next: &parser, in: body.span)
      {
        expected += 1
        check(key, names[at], value == Double(at))
        previous = key
        at += 1
        continue
      }
      guard case .sample(let series, _, _)? = try parser.next(in: body.span) else { break }
      if let key = index.find(series, in: body.span, after: previous) {
        check(key, names[at], true)
        previous = key
      } else {
        if slots[names[at]] != nil { wrong.append("\(names[at]) is not found") }
        new.append(series)
      }
      at += 1
    }
    if at != names.count { wrong.append("\(at) lines of \(names.count)") }
    for series in new {
      let name = String(decoding: body[series], as: UTF8.self)
      guard index.find(series, in: body.span, after: index.count - 1) == nil else { continue }
      let given = slot(name, index.count)
      slots[name] = given
      index.insert(series, in: body.span, slot: given)
    }
    if fails {
      index.truncate(to: known.1)
      slots = known.0
    }
    index.rest(after: ScrapeCache.restAfterScrapes)
    if index.count != slots.count { wrong.append("\(index.count) keys of \(slots.count)") }
  }

  private mutating func check(_ key: Int, _ name: String, _ isRight: Bool) {
    if !isRight || slots[name] != index.slot(of: key) { wrong.append("\(name) in \(index.slot(of: key))") }
  }

  mutating func follow(_ moved: @escaping (UInt32) -> UInt32?) {
    index.follow(moved)
    slots = slots.compactMapValues { $0 == KeyIndex.refused ? $0 : moved($0) }
  }

  mutating func forget() {
    index.forget()
    slots = [:]
  }
}

@Suite
struct `The index of a target's series by their bytes` {
  /// Long common beginnings and ends, and lengths on both sides of the hash's steps.
  private static func name(_ number: Int) -> String {
    let padding = String(repeating: "p", count: number % 300)
    return number % 3 == 0 ? "m\(number)" : "requests_total{path=\"/\(padding)\",n=\"\(number)\",code=\"200\"}"
  }

  @Test
  func `A target that keeps its order costs one key a series and nothing else`() throws {
    var reader = IndexReader()
    let names = (0..<500).map(Self.name)
    for _ in 0...ScrapeCache.restAfterScrapes {
      try reader.scrape(names) { _, known in UInt32(IndexReader.firstSlot + known) }
    }
    #expect(reader.wrong == [])
    #expect(reader.expected == names.count)
    #expect(reader.index.followers == [])
    #expect(reader.index.slots == [])
    #expect(reader.index.buckets == [])
  }

  @Test
  func `Series that come between known ones are in order again after a rest, and each is where it is expected`() throws
  {
    var reader = IndexReader()
    var names = (0..<300).map(Self.name)
    var next = UInt32(IndexReader.firstSlot)
    func slot(_: String, _: Int) -> UInt32 {
      next += 1
      return next / 2
    }
    try reader.scrape(names, slot)
    names.insert(contentsOf: (300..<310).map(Self.name), at: 100)
    names.remove(at: 20)
    for _ in 0..<(ScrapeCache.restAfterScrapes + 3) { try reader.scrape(names, slot) }
    #expect(reader.wrong == [])
    #expect(reader.index.followers == [])
    #expect(reader.expected == names.count)
    #expect(reader.index.count == 310)
  }

  @Test
  func `A series with blanks before it, or a longer name, is not taken for another one`() throws {
    var reader = IndexReader()
    let bodies = [["a", "ab", "a{}", "a{b=\"c\"}"], ["ab", "a", "a{b=\"c\"}", "a{}"], ["a{}", "a{}", "a", "abc"]]
    for _ in 0..<4 {
      for body in bodies { try reader.scrape(body) { name, _ in UInt32(name.utf8.count) } }
    }
    #expect(reader.wrong == [])
  }

  @Test
  func `Whatever order series come in, appear, vanish, repeat and move, each has the slot that it was given`()
    async throws
  {
    for seed in 0..<60 {
      await Task.yield()
      var generator = SeededGenerator(UInt64(seed))
      var reader = IndexReader()
      var alive = Array(0..<Int.random(in: 1..<120, using: &generator))
      var nextName = alive.count
      for round in 0..<40 {
        switch Int.random(in: 0..<12, using: &generator) {
        case 0: alive.shuffle(using: &generator)
        case 1: alive.removeAll { _ in Bool.random(using: &generator) && Bool.random(using: &generator) }
        case 2, 3:
          for _ in 0..<Int.random(in: 1..<5, using: &generator) {
            alive.insert(nextName, at: Int.random(in: 0...alive.count, using: &generator))
            nextName += 1
          }
        case 4: if let one = alive.randomElement(using: &generator) { alive.append(one) }
        case 5: reader.follow { $0 % 5 == 0 ? nil : $0 + 1 }
        case 6: if round % 9 == 0 { reader.forget() }
        default: break
        }
        // Slots mostly in order; some names share one, some are refused.
        let fails = Int.random(in: 0..<6, using: &generator) == 0
        try reader.scrape(alive.map(Self.name), fails: fails) { name, known in
          let last = UInt32(known + IndexReader.firstSlot)
          return name.utf8.count % 17 == 0 ? KeyIndex.refused : name.utf8.count % 11 == 0 ? last / 2 : last
        }
        try #require(reader.wrong == [], "seed \(seed), round \(round)")
      }
    }
  }
}
