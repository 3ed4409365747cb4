import Codec
import Foundation
import Model
import Synchronization
import Testing

@testable import WAL

/// What a lane has sent again.
private final class Delivered: Sendable {
  private let state = Mutex<[Int]>([])
  var rows: [Int] { state.withLock { $0 } }
  func add(_ numbers: [Int]) { state.withLock { $0 += numbers } }
}

@Suite struct `Dead letters` {
  private func files(_ scratch: LogScratch) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: scratch.path + "/dead-letters")) ?? []).sorted()
  }

  @Test func `are there after a kill, with the answer and the rows`() async throws {
    let scratch = LogScratch()
    var log = try scratch.open()
    let added = try await log.deadLetters.add(0..<5, reason: "400 out of bounds", attempts: 3)
    #expect(added.item.number == 1 && added.dropped.isEmpty && added.item.consumer == "remote")
    try await log.deadLetters.add(5..<7, consumer: "a/b")
    await log.abandon()
    log = try scratch.open()
    let items = try await log.deadLetters.items()
    #expect(items.map(\.number) == [1, 2] && items.map(\.consumer) == ["remote", "a/b"])
    #expect(items.map(\.header?.rows) == [5, 2] && items.allSatisfy { !$0.isMarkedForRedrive && $0.problem == nil })
    #expect(items[0] == added.item && items[0].header?.attempts == 3)
    #expect(items[0].header?.reason == "400 out of bounds")
    let letter = try #require(try await log.deadLetters.read(items[0]))
    #expect(try Letters.numbers(letter) == Array(0..<5))
    #expect(try await log.deadLetters.add(7..<8).item.number == 3)
    try await log.close()
  }

  @Test func `that somebody marks are sent again by whom they are for, oldest first`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    for number in 0..<4 { try await log.deadLetters.add(number..<number + 1) }
    let inspector = try LogInspector(directory: scratch.path)
    let items = try inspector.deadLetters()
    #expect(try await log.deadLetters.redriven(for: "remote").isEmpty)
    try inspector.redrive(items[2])
    try inspector.redrive(items[0])
    try inspector.redrive(items[1], to: "other one")
    #expect(try await log.deadLetters.redriven(for: "remote").map(\.number) == [1, 3])
    let others = try await log.deadLetters.redriven(for: "other one")
    #expect(others.map(\.number) == [2] && others[0].consumer == "other one")
    // Whose rows they are stays in the letter.
    #expect(others[0].header?.consumer == "remote")
    let letter = try #require(try await log.deadLetters.read(others[0]))
    #expect(try Letters.numbers(letter) == [1])
    #expect(try await log.deadLetters.remove(others[0]))
    #expect(try await !log.deadLetters.remove(others[0]))
    #expect(try await log.deadLetters.items().map(\.number) == [1, 3, 4])
    // What is listed no longer is as it was.
    #expect(throws: LogError.self) { try inspector.redrive(items[1]) }
    #expect(throws: LogError.self) { try inspector.discard(items[0]) }
    #expect(throws: LogError.self) { try inspector.deadLetter(items[0]) }
    try await log.close()
  }

  @Test func `that are refused again go back with the new answer, and are not tried for ever`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    try await log.deadLetters.add(0..<3, reason: "400 first", attempts: 2)
    let inspector = try LogInspector(directory: scratch.path)
    try inspector.redrive(try inspector.deadLetters()[0])
    let marked = try await log.deadLetters.redriven(for: "remote")[0]
    let back = try #require(try await log.deadLetters.putBack(marked, reason: "422 second"))
    #expect(back.header?.attempts == 3 && back.header?.reason == "422 second" && !back.isMarkedForRedrive)
    #expect(back.problem == nil && back.number == 1)
    #expect(try await log.deadLetters.redriven(for: "remote").isEmpty)
    #expect(files(scratch) == ["00000001-remote.letter"])
    let letter = try #require(try await log.deadLetters.read(back))
    #expect(try Letters.numbers(letter) == [0, 1, 2])
    #expect(log.status().deadLetterBytes == back.bytes && log.status().deadLetters == 1)
    try inspector.discard(back)
    #expect(try await log.deadLetters.putBack(back, reason: "gone") == nil)
    try await log.close()
  }

  @Test func `of any damage are listed, never deleted, and stop nothing`() async throws {
    let scratch = LogScratch()
    var log = try scratch.open()
    for number in 0..<4 { try await log.deadLetters.add(number..<number + 1) }
    try await log.close()
    // A header, a length, a block; and what is not ours.
    try scratch.flipByte("dead-letters/00000001-remote.letter", at: 20)
    let second = scratch.path + "/dead-letters/00000002-remote.letter"
    try FileHandle(forUpdating: URL(fileURLWithPath: second)).truncate(atOffset: 150)
    try scratch.flipByte("dead-letters/00000003-remote.letter", at: 250)
    try Data("x".utf8).write(to: URL(fileURLWithPath: scratch.path + "/dead-letters/notes.txt"))
    try Data("x".utf8).write(to: URL(fileURLWithPath: scratch.path + "/dead-letters/00000009-a.letter.tmp"))
    log = try scratch.open()
    #expect(log.opening.isClean)
    #expect(!files(scratch).contains { $0.hasSuffix(".tmp") } && files(scratch).contains("notes.txt"))
    let inspector = try LogInspector(directory: scratch.path)
    let items = try inspector.deadLetters()
    #expect(items.map { $0.problem != nil } == [true, true, false, false])
    #expect(items.map(\.number) == [1, 2, 3, 4] && items[0].header == nil && items[1].header != nil)
    for index in 0...2 {
      let error = #expect(throws: LogError.self) { try inspector.deadLetter(items[index]) }
      #expect(error?.kind == .damaged)
    }
    for index in 0...1 { #expect(throws: LogError.self) { try inspector.redrive(items[index]) } }
    // The header of the third says that all is well: its lane finds out.
    try inspector.redrive(items[2])
    let marked = try await log.deadLetters.redriven(for: "remote")
    #expect(marked.map(\.number) == [3])
    await #expect(throws: LogError.self) { try await log.deadLetters.read(marked[0]) }
    #expect(try await log.deadLetters.putBack(marked[0], reason: "damaged")?.isMarkedForRedrive == false)
    let report = try inspector.verify()
    #expect(report.deadLetters == 4)
    #expect(
      report.problems.map { $0.file.suffix(17) }
        == [
          "00000001-remote.letter", "00000002-remote.letter", "00000003-remote.letter",
        ].map { $0.suffix(17) })
    try await log.deadLetters.add(9..<10)
    #expect(try await log.deadLetters.items().map(\.number) == [1, 2, 3, 4, 5])
    try await log.close()
  }

  @Test func `that are marked while their header is damaged lose the mark and nothing else`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    try await log.deadLetters.add(0..<1)
    let inspector = try LogInspector(directory: scratch.path)
    let item = try inspector.deadLetters()[0]
    try inspector.redrive(item)
    let marked = try await log.deadLetters.redriven(for: "remote")[0]
    try scratch.flipByte("dead-letters/00000001-remote.redrive", at: 30)
    #expect(try await log.deadLetters.redriven(for: "remote").isEmpty)
    let back = try #require(try await log.deadLetters.putBack(marked, reason: "x"))
    #expect(!back.isMarkedForRedrive && back.problem != nil && back.bytes == item.bytes)
    try await log.close()
  }

  @Test func `take a twentieth of max_size at most: the oldest go, and are counted`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open(scratch.configuration(maxSizeBytes: 4 << 20))
    let limit = (4 << 20) / 20
    var dropped: [UInt64] = []
    var rows: UInt64 = 0
    for number in 0..<30 {
      let added = try await log.deadLetters.add(number * 2..<number * 2 + 2, padding: 10_000)
      dropped += added.dropped.map(\.number)
      rows += added.dropped.reduce(0) { $0 + ($1.header?.rows ?? 0) }
      let items = try await log.deadLetters.items()
      #expect(items.reduce(0) { $0 + $1.bytes } <= limit && items.last == added.item)
      #expect(log.status().deadLetterBytes == items.reduce(0) { $0 + $1.bytes })
    }
    #expect(dropped == Array(1...UInt64(dropped.count)) && dropped.count > 15)
    let counters = log.status().counters
    #expect(counters.deadLettersAdded == 30 && counters.deadLettersDropped == UInt64(dropped.count))
    #expect(counters.deadLetterRowsDropped == rows && rows == UInt64(dropped.count) * 2)
    // Larger than the bound: it stays, alone.
    let large = try await log.deadLetters.add(100..<130, padding: 10_000)
    #expect(try await log.deadLetters.items() == [large.item])
    let error = await #expect(throws: LogError.self) { try await log.deadLetters.add(200..<320, padding: 10_000) }
    #expect(error?.kind == .refused)
    try await log.close()
  }

  @Test(arguments: LogConfiguration.WhenFull.allCases)
  func `find room in a full log, which stays within max_size`(whenFull: LogConfiguration.WhenFull) async throws {
    let scratch = LogScratch()
    let limit = 2 << 20
    let log = try scratch.open(scratch.configuration(maxSizeBytes: limit, whenFull: whenFull))
    _ = try await log.cursor(named: "remote")
    for number in 0..<200 {
      if try await log.append(Rows.lines(number..<number + 1, padding: 20_000)) == .full { break }
    }
    for number in 0..<8 { try await log.deadLetters.add(number..<number + 1, padding: 20_000) }
    #expect(log.status().diskBytes <= UInt64(limit) && log.status().deadLetters == 5)
    _ = try await log.append(Rows.lines(300..<301, padding: 20_000))
    #expect(log.status().diskBytes <= UInt64(limit))
    let taken = try FileManager.default.subpathsOfDirectory(atPath: scratch.path).reduce(0) { total, path in
      let attributes = try? FileManager.default.attributesOfItem(atPath: scratch.path + "/" + path)
      return attributes?[.type] as? FileAttributeType == .typeRegular
        ? total + (attributes?[.size] as? Int ?? 0) : total
    }
    #expect(taken <= limit)
    if whenFull == .reject { #expect(log.status().counters.rowsDropped == 0) }
    try await log.close()
  }

  @Test func `are refused by a log that is closed`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    try await log.close()
    let error = await #expect(throws: LogError.self) { try await log.deadLetters.add(0..<1) }
    #expect(error?.kind == .closed)
    #expect(files(scratch).isEmpty)
  }

  @Test func `that did not change need no look`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    try await log.deadLetters.add(0..<1)
    let directory = scratch.path + "/dead-letters"
    // Just changed: nobody can say.
    #expect(log.deadLetters.stamp() == nil)
    func age(_ seconds: Int) {
      var times = [
        timespec(tv_sec: time(nil) - seconds, tv_nsec: 0), timespec(tv_sec: time(nil) - seconds, tv_nsec: 0),
      ]
      _ = utimensat(AT_FDCWD, directory, &times, 0)
    }
    age(100)
    let first = try #require(log.deadLetters.stamp())
    #expect(log.deadLetters.stamp() == first)
    let inspector = try LogInspector(directory: scratch.path)
    try inspector.redrive(try inspector.deadLetters()[0])
    #expect(log.deadLetters.stamp() == nil)
    // Even with the same time of change it is another one.
    age(100)
    #expect(log.deadLetters.stamp() != first)
    try await log.close()
  }

  @Test func `are marked, listed and added at the same time without one of them lost`() async throws {
    let scratch = LogScratch()
    let log = try scratch.open()
    let inspector = try LogInspector(directory: scratch.path)
    let delivered = Delivered()
    let total = 60
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { for number in 0..<total { try await log.deadLetters.add(number..<number + 1) } }
      // The command line, which may come too late for a letter and is told so.
      group.addTask {
        while delivered.rows.count < total {
          for item in try inspector.deadLetters() where !item.isMarkedForRedrive {
            do throws(LogError) { try inspector.redrive(item) } catch { #expect(error.kind == .misuse, "\(error)") }
          }
          await Task.yield()
        }
      }
      // A lane, whose destination refuses every other letter the first time.
      group.addTask {
        while delivered.rows.count < total {
          for item in try await log.deadLetters.redriven(for: "remote") {
            guard let letter = try await log.deadLetters.read(item) else { continue }
            if item.number % 2 == 0, letter.header.attempts == 1 {
              _ = try await log.deadLetters.putBack(item, reason: "again")
            } else {
              let numbers = try Letters.numbers(letter)
              if try await log.deadLetters.remove(item) { delivered.add(numbers) }
            }
          }
          _ = try await log.deadLetters.items()
        }
      }
      try await group.waitForAll()
    }
    #expect(delivered.rows.sorted() == Array(0..<total))
    #expect(try await log.deadLetters.items().isEmpty && log.status().deadLetterBytes == 0)
    try await log.close()
  }
}
