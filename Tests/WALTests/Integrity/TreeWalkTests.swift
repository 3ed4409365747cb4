import CTreeWalk
import Foundation
import Testing

@testable import WAL

@Suite("A walk of LMDB's tree in a child process")
struct TreeWalkTests {
  /// The same checks without a child and without LMDB.
  func structure(_ bytes: [UInt8]) -> clm_walk_result {
    var result = clm_walk_result()
    bytes.withUnsafeBufferPointer { clm_check_structure($0.baseAddress, UInt64($0.count), &result) }
    return result
  }

  @Test("finds nothing wrong with environments that LMDB wrote", arguments: [1, 2, 3, 4, 5, 6, 7, 8])
  func sound(seed: UInt64) throws {
    let scratch = try Scratch()
    var random = Seeded(seed)
    // Puts, replacements by other sizes and deletions, so that there are free pages, deep trees and pages merged.
    var transactions: [(OpaquePointer) throws -> Void] = []
    for _ in 0..<Int.random(in: 0...60, using: &random) {
      var inner = Seeded(random.next())
      transactions.append { txn in
        // A transaction that changes nothing would not be one.
        try PlainEnvironment.put(txn, "positions", Array("turn".utf8), inner.bytes(8))
        for _ in 0..<Int.random(in: 1...120, using: &inner) {
          let number = UInt64.random(in: 0...2000, using: &inner)
          let key = NoiseBlock.littleEndian(number)
          switch Int.random(in: 0...3, using: &inner) {
          case 0: try? PlainEnvironment.delete(txn, "tables", key + key)
          case 1:
            let value = inner.bytes(Int.random(in: 0...6000, using: &inner))
            try PlainEnvironment.put(txn, "tables", key + key, value)
          case 2: try PlainEnvironment.put(txn, "positions", Array("collector \(number)".utf8), key)
          default:
            try PlainEnvironment.put(
              txn, "blocks", key, inner.bytes(Int.random(in: 1...9000, using: &inner)), integer: true)
          }
        }
      }
    }
    try PlainEnvironment.write(scratch.file("s.lmdb"), transactions)
    guard case .sound(let findings) = try TreeWalk.walk(scratch.file("s.lmdb")) else {
      Issue.record("seed \(seed): \(try TreeWalk.walk(scratch.file("s.lmdb")))")
      return
    }
    #expect(findings.transaction == UInt64(transactions.count))
    #expect(findings.lostPages == 0)
  }

  @Test("lets nothing through that LMDB dies of: flips in meta, branch and leaf pages")
  func flips() throws {
    let scratch = try Scratch()
    var random = Seeded(4711)
    _ = try NoiseSegment(scratch.file("s.lmdb"), first: 1, count: 900, sizes: 700...1900, using: &random)
    let whole = try scratch.read("s.lmdb")
    #expect(structure(whole).status == 0)
    let expected = try PlainEnvironment.readAll(scratch.file("s.lmdb"))

    // Every bit of both meta pages' fields, and of branch pages and page headers; other bits by chance.
    var places = (0..<(2 * 152 * 8)).map { $0 < 152 * 8 ? $0 : 4096 * 8 + $0 - 152 * 8 }
    for page in 2..<(whole.count / 4096) {
      if whole[page * 4096 + 10] == 1 {
        places += (0..<120).map { page * 32768 + $0 * 8 + Int.random(in: 0...7, using: &random) }
      }
      places += (0..<4).map { page * 32768 + $0 * 32 + Int.random(in: 0...31, using: &random) }
      places.append(page * 32768 + Int.random(in: 0..<32768, using: &random))
    }
    var letThrough = 0
    var unseen: [Int] = []
    var damaged = whole
    let file = open(scratch.file("s.lmdb"), O_WRONLY)
    defer { close(file) }
    for place in places {
      damaged[place / 8] ^= 1 << UInt8(place % 8)
      defer { damaged[place / 8] = whole[place / 8] }
      guard structure(damaged).status == 0 else { continue }
      letThrough += 1
      // Sound to us: then LMDB, in this very process, has to read it without dying.
      #expect(pwrite(file, [damaged[place / 8]], 1, off_t(place / 8)) == 1)
      let sum = try PlainEnvironment.readAll(scratch.file("s.lmdb"))
      #expect(pwrite(file, [whole[place / 8]], 1, off_t(place / 8)) == 1)
      if sum != expected && place / 32768 < 2 { unseen.append(place) }
    }
    #expect(places.count > 5000 && letThrough < places.count)
    // Of the meta pages, nothing that changes what is read goes unseen.
    #expect(unseen == [])
  }

  @Test("says what is wrong: a file cut short, an empty one, one that is not there")
  func cut() throws {
    let scratch = try Scratch()
    var random = Seeded(5)
    _ = try NoiseSegment(scratch.file("s.lmdb"), first: 1, count: 40, sizes: 3000...20000, using: &random)
    let whole = try scratch.read("s.lmdb")
    for length in [0, 1, 4095, 4096, 8191, 8192, 12288, whole.count / 2, whole.count - 4096] {
      let path = try scratch.write(Array(whole[..<length]), as: "cut.lmdb")
      guard case .broken(.structure) = try TreeWalk.walk(path) else {
        Issue.record("\(length) of \(whole.count) bytes")
        continue
      }
    }
    #expect(throws: IntegrityError.self) { try TreeWalk.walk(scratch.file("nothing.lmdb")) }
  }

  @Test("ends in time when the child cannot")
  func timeout() throws {
    let scratch = try Scratch()
    // Opening a pipe that nobody writes blocks for ever.
    #expect(mkfifo(scratch.file("pipe"), 0o600) == 0)
    let error = #expect(throws: IntegrityError.self) { try TreeWalk.walk(scratch.file("pipe"), limitSeconds: 1) }
    #expect(error?.code == ETIMEDOUT && error?.mayPass == true)
  }

  @Test("knows the outcome also where children are not waited for, and leaves no descriptor open")
  func ignoredChildren() throws {
    let scratch = try Scratch()
    var random = Seeded(7)
    _ = try NoiseSegment(scratch.file("s.lmdb"), first: 1, count: 10, sizes: 3000...20000, using: &random)
    let child = try Child(["walk", scratch.file("s.lmdb")])
    #expect(child.finish() == .exit(0))
    #expect(child.lines.count { $0.hasPrefix("sound") } == 20 && child.lines.last == "left open: 0", "\(child.lines)")
  }

  @Test("may be made by many threads at once and leaves no descriptors behind")
  func threads() async throws {
    let scratch = try Scratch()
    var random = Seeded(6)
    _ = try NoiseSegment(scratch.file("s.lmdb"), first: 1, count: 10, sizes: 3000...20000, using: &random)
    let path = scratch.file("s.lmdb")
    let sound = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 {
        group.addTask {
          (try? TreeWalk.walk(path)).map { if case .sound = $0 { true } else { false } } ?? false
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(sound == 16)
    // Other tests open files meanwhile: what counts is that none of ours is among them.
    let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
    let open = names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0) }
    #expect(open.filter { $0 == path }.isEmpty)
  }
}
