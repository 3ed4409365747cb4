import Foundation

/// What a program did to the files below one directory, as `Tests/Support/Recorder` wrote it down.
struct WriteTrace {
  enum Step {
    case create(file: UInt32, path: String)
    case write(file: UInt32, offset: Int, bytes: ArraySlice<UInt8>, durable: Bool)
    case flush(file: UInt32)
    case flushDirectory(String)
    case length(file: UInt32, Int)
    case rename(from: String, to: String)
    case unlink(String)
    case makeDirectory(String)
    /// The program's own word, for example that an append was acknowledged.
    case mark(String)
  }

  var steps: [Step] = []

  struct Broken: Error { let at: Int }

  init(readingFrom path: String) throws {
    let all = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    var at = 0
    // Inodes are used again: each creation makes a new file of its number.
    var files: [UInt32: UInt32] = [:]
    var made: UInt32 = 0
    func number<T: FixedWidthInteger>(_ type: T.Type, _ offset: Int) -> T {
      var value: T = 0
      for i in (0..<MemoryLayout<T>.size).reversed() { value = value << 8 | T(all[at + offset + i]) }
      return value
    }
    while at + 24 <= all.count {
      let (kind, inode) = (number(UInt32.self, 0), number(UInt32.self, 4))
      if kind == 1 {
        made += 1
        files[inode] = made
      }
      let file = files[inode] ?? 0
      let offset = Int(number(UInt64.self, 8))
      let (nameBytes, dataBytes) = (Int(number(UInt32.self, 16)), Int(number(UInt32.self, 20)))
      // The recorder itself was killed in the middle of a step.
      guard at + 24 + nameBytes + dataBytes <= all.count else { break }
      let name = String(decoding: all[(at + 24)..<(at + 24 + nameBytes)], as: UTF8.self)
      let data = all[(at + 24 + nameBytes)..<(at + 24 + nameBytes + dataBytes)]
      switch kind {
      case 1: steps.append(.create(file: file, path: name))
      case 2, 3: steps.append(.write(file: file, offset: offset, bytes: data, durable: kind == 3))
      case 4: steps.append(.flush(file: file))
      case 5: steps.append(.flushDirectory(name))
      case 6: steps.append(.length(file: file, offset))
      case 7: steps.append(.rename(from: name, to: String(decoding: data, as: UTF8.self)))
      case 8: steps.append(.unlink(name))
      case 9: steps.append(.makeDirectory(name))
      case 10: steps.append(.mark(String(decoding: data, as: UTF8.self)))
      default: throw Broken(at: at)
      }
      at += 24 + nameBytes + dataBytes
    }
  }

  /// What was said before the cut.
  func marks(before cut: Int) -> [String] {
    steps[..<cut].compactMap { if case .mark(let text) = $0 { text } else { nil } }
  }
}
