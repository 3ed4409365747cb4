import Foundation
import Testing

@testable import WAL

/// Random acts of lanes, people and crashes against a plain model of what has to be there.
@Suite struct `Dead letters under random acts` {
  private struct Model {
    struct Letter: Equatable {
      var numbers: Range<Int>
      var consumer: String
      var isMarked = false
      var attempts: UInt32 = 1
      var reason: String
    }
    var letters: [UInt64: Letter] = [:]
  }

  @Test(arguments: 0..<6) func `are what the model says after each act`(seed: Int) async throws {
    var random = LogRandom(seed: UInt64(seed))
    let scratch = LogScratch()
    var log = try scratch.open()
    var model = Model()
    var row = 0
    let inspector = try LogInspector(directory: scratch.path)
    for act in 0..<120 {
      let items = try await log.deadLetters.items()
      let some = items.randomElement(using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0...3:
        let rows = row..<row + Int.random(in: 1...4, using: &random)
        let consumer = ["a", "b c"].randomElement(using: &random) ?? "a"
        row = rows.upperBound
        let added = try await log.deadLetters.add(rows, consumer: consumer, reason: "r\(act)")
        #expect(model.letters[added.item.number] == nil)
        model.letters[added.item.number] = Model.Letter(numbers: rows, consumer: consumer, reason: "r\(act)")
      case 4, 5:
        guard let some else { continue }
        let other = [nil, "a", "b c"].randomElement(using: &random) ?? nil
        try inspector.redrive(some, to: other)
        model.letters[some.number]?.isMarked = true
        if let other { model.letters[some.number]?.consumer = other }
      case 6:
        guard let some, some.isMarkedForRedrive else { continue }
        _ = try await log.deadLetters.putBack(some, reason: "again \(act)")
        model.letters[some.number]?.isMarked = false
        model.letters[some.number]?.attempts += 1
        model.letters[some.number]?.reason = "again \(act)"
      case 7:
        guard let some else { continue }
        if Bool.random(using: &random) { try inspector.discard(some) } else { try await log.deadLetters.remove(some) }
        model.letters[some.number] = nil
      default:
        // A crash, some of them while a letter was being written.
        if Bool.random(using: &random) { try await log.close() } else { await log.abandon() }
        let half = scratch.path + "/dead-letters/0000\(1000 + act)-a.letter.tmp"
        if Bool.random(using: &random) { try Data("CLMD".utf8).write(to: URL(fileURLWithPath: half)) }
        log = try scratch.open()
        #expect(!FileManager.default.fileExists(atPath: half))
      }
      let found = try await log.deadLetters.items()
      #expect(found.map(\.number) == model.letters.keys.sorted(), "seed \(seed), act \(act)")
      for item in found {
        let expected = try #require(model.letters[item.number])
        let letter = try #require(try await log.deadLetters.read(item))
        #expect(
          Model.Letter(
            numbers: expected.numbers, consumer: item.consumer, isMarked: item.isMarkedForRedrive,
            attempts: letter.header.attempts, reason: letter.header.reason) == expected)
        #expect(try Letters.numbers(letter) == Array(expected.numbers))
      }
      for consumer in ["a", "b c"] {
        let marked = model.letters.filter { $0.value.isMarked && $0.value.consumer == consumer }.keys.sorted()
        #expect(try await log.deadLetters.redriven(for: consumer).map(\.number) == marked)
      }
    }
    try await log.close()
  }
}
