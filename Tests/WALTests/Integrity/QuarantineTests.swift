import Foundation
import Testing

@testable import WAL

@Suite("Quarantine")
struct QuarantineTests {
  let note = Quarantine.Note(when: "2026-01-02T03:04:05Z", why: "page 7: key 3 is out of order", saved: "12 blocks")

  @Test("keeps a damaged file byte for byte with a note", arguments: [true, false])
  func keeps(moving: Bool) throws {
    let scratch = try Scratch()
    let bytes = (0..<700_001).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let path = try scratch.write(bytes, as: "0042.lmdb")
    let quarantine = Quarantine(directory: scratch.file("quarantine"), limitBytes: 1 << 30)
    let taken = try quarantine.take(path, by: moving ? .moving : .copying, note: note)
    #expect(taken.item.name == "000001-0042.lmdb" && taken.dropped.isEmpty)
    #expect(try scratch.read("quarantine/000001-0042.lmdb") == bytes)
    let text = String(decoding: try scratch.read("quarantine/000001-0042.lmdb.txt"), as: UTF8.self)
    for part in [note.when, note.why, note.saved, path] { #expect(text.contains(part)) }
    #expect(FileManager.default.fileExists(atPath: path) == !moving)
  }

  @Test("drops the oldest past its bound, says which, and always keeps the newest")
  func bounded() throws {
    let scratch = try Scratch()
    let quarantine = Quarantine(directory: scratch.file("quarantine"), limitBytes: 2600)
    var dropped: [String] = []
    for i in 1...12 {
      let path = try scratch.write([UInt8](repeating: 1, count: 1000), as: "\(i).lmdb")
      dropped += try quarantine.take(path, by: .moving, note: note).dropped.map(\.name)
      #expect(try quarantine.items().reduce(0) { $0 + $1.bytes } <= 2600)
    }
    #expect(dropped == (1...10).map { String(repeating: "0", count: $0 < 10 ? 5 : 4) + "\($0)-\($0).lmdb" })
    let large = try scratch.write([UInt8](repeating: 1, count: 9000), as: "large.lmdb")
    let taken = try quarantine.take(large, by: .moving, note: note)
    #expect(taken.dropped.count == 2 && taken.item.name == "000013-large.lmdb")
    #expect(try FileManager.default.contentsOfDirectory(atPath: quarantine.directory).count == 2)
  }

  @Test("says why when it cannot")
  func fails() throws {
    let scratch = try Scratch()
    let quarantine = Quarantine(directory: scratch.file("quarantine"), limitBytes: 100)
    let error = #expect(throws: IntegrityError.self) {
      try quarantine.take(scratch.file("nothing"), by: .moving, note: note)
    }
    #expect(error?.description.contains("nothing: No such file") == true)
  }
}
