import Foundation
import Testing

/// What a log has promised, as `wal-child write` heard it, and whether what `wal-child check` finds keeps it.
struct Ledger {
  /// The last batch of each worker that was acknowledged; the ones before were, too.
  var acknowledged: [Int: UInt64] = [:]
  /// Where batches of workers that waited for them are.
  var offsets: [(worker: Int, batch: UInt64, range: Range<UInt64>)] = []
  /// What the cursor `lane` was about to acknowledge, ever.
  var claimed: [Range<UInt64>] = []
  /// The end of what the cursor `lane` has marked as about to be sent, ever.
  var marked: UInt64 = 0
  /// Dead letters that have to be there.
  var letters: Set<UInt64> = []
  var problems: [String] = []

  mutating func add(_ lines: [String]) {
    for line in lines {
      let words = line.split(separator: " ").map(String.init)
      switch words.first {
      case "A":
        guard let worker = Int(words[1]), let batch = UInt64(words[2]) else { continue }
        acknowledged[worker] = max(acknowledged[worker] ?? 0, batch)
        if words.count == 5, let start = UInt64(words[3]), let end = UInt64(words[4]) {
          offsets.append((worker, batch, start..<end))
        }
      case "C":
        if let start = UInt64(words[1]), let end = UInt64(words[2]) { claimed.append(start..<end) }
      case "D": if let number = UInt64(words[1]) { letters.insert(number) }
      case "E": if let number = UInt64(words[1]) { letters.remove(number) }
      case "S": marked = max(marked, UInt64(words[1]) ?? 0)
      case "X", "error": problems.append(line)
      default: break
      }
    }
  }

  /// The end of what was claimed from the log's first row on without a gap.
  var claimedEnd: UInt64 {
    var end = claimed.map(\.lowerBound).min() ?? 0
    for range in claimed.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.lowerBound <= end {
      end = max(end, range.upperBound)
    }
    return end
  }
}

/// What `wal-child check` says of one log.
struct Finding {
  var directory: String
  var opening = ""
  var positions: [Int: UInt64] = [:]
  var laneBase: UInt64?
  var laneSent: UInt64 = 0
  var letters: Set<UInt64> = []
  /// Whole batches by worker, as ranges.
  var whole: [Int: [ClosedRange<UInt64>]] = [:]
  var problems: [String] = []
  /// Of batches that are not whole: which.
  var partial: [(worker: Int, batch: UInt64)] = []
  var missingRows: UInt64 = 0
  /// Nil while the check has not come to its end: the child died.
  var result: String?
  var batchOffsets: [(worker: Int, batch: UInt64, range: ClosedRange<UInt64>)] = []

  init(directory: String, result: String? = nil) {
    self.directory = directory
    self.result = result
  }

  static func parse(_ lines: [String]) -> [Finding] {
    var findings: [Finding] = []
    for line in lines {
      let words = line.split(separator: " ").map(String.init)
      guard let first = words.first else { continue }
      if first == "dir" {
        findings.append(Finding(directory: String(line.dropFirst(4))))
        continue
      }
      guard !findings.isEmpty else { continue }
      findings[findings.count - 1].add(first, words, line)
    }
    return findings
  }

  private mutating func add(_ first: String, _ words: [String], _ line: String) {
    func number(_ index: Int) -> UInt64 { words.indices.contains(index) ? UInt64(words[index]) ?? 0 : 0 }
    switch first {
    case "O": opening = String(line.dropFirst(2))
    case "P": positions[Int(number(1))] = number(2)
    case "L":
      laneBase = number(1)
      laneSent = number(2)
    case "K": letters.insert(number(1))
    case "M": missingRows = number(1)
    case "B": batchOffsets.append((Int(number(1)), number(2), number(3)...number(4)))
    case "W":
      whole[Int(number(1))] = (words.count > 2 ? words[2] : "").split(separator: ",").compactMap { part in
        let ends = part.split(separator: "-").compactMap { UInt64($0) }
        return ends.count == 2 ? ends[0]...ends[1] : nil
      }
    case "X":
      if words.count > 3, words[1] == "batch" {
        partial.append((Int(number(2)), UInt64(words[3].dropLast()) ?? 0))
      } else {
        problems.append(line)
      }
    case "end", "refused": result = line
    default: break
    }
  }

  func has(_ worker: Int, _ batch: UInt64) -> Bool { whole[worker]?.contains { $0.contains(batch) } ?? false }

  /// After a kill or a power cut: every acknowledged batch is there whole and once, others whole or not at all, without a gap;
  /// positions are those of the data; the cursor has not run ahead; and nothing is reported as damaged.
  func broken(_ ledger: Ledger, keepsAll: Bool) -> [String] {
    var broken = ledger.problems + problems
    broken += partial.map { "batch \($0.batch) of worker \($0.worker) is not whole, or there twice" }
    if result != "end" { broken.append("the check ended with \(result ?? "the child's death")") }
    for word in ["damaged", "in no file", "no catalog", "left out"] where opening.contains(word) && keepsAll {
      broken.append("opening says: \(opening)")
    }
    for (worker, last) in ledger.acknowledged where keepsAll {
      let ranges = whole[worker] ?? []
      let end = ranges.last?.upperBound ?? 0
      if ranges.count > 1 || (ranges.first?.lowerBound ?? 1) != 1 || end < last {
        broken.append("worker \(worker): acknowledged to \(last), there are \(ranges)")
      }
      let position = positions[worker] ?? 0
      // Worker 3 sends old batches again, with their positions.
      if worker == 3 ? position > end : position != end {
        broken.append("worker \(worker): position \(position), last batch \(end)")
      }
    }
    if !keepsAll {
      let end = ledger.claimedEnd
      for (worker, batch, range) in ledger.offsets where range.upperBound > end && !has(worker, batch) {
        broken.append("worker \(worker): batch \(batch) at \(range) is gone, delivered to \(end)")
      }
      for (worker, last) in ledger.acknowledged where (positions[worker] ?? 0) < last {
        broken.append("worker \(worker): position \(positions[worker] ?? 0), acknowledged to \(last)")
      }
    }
    if let laneBase, laneBase > ledger.claimedEnd, !(ledger.claimed.isEmpty && laneBase <= 1) {
      broken.append("the cursor is at \(laneBase), but nothing past \(ledger.claimedEnd) was acknowledged")
    }
    let lost = ledger.letters.subtracting(letters)
    if !lost.isEmpty { broken.append("dead letters \(lost.sorted()) are gone") }
    if ledger.marked > max(laneBase ?? 0, laneSent) {
      broken.append("marked as sent to \(ledger.marked), the cursor is at \(laneBase ?? 0) and says \(laneSent)")
    }
    return broken
  }
}

/// Scratch directories in memory, where a flush costs nothing.
enum InMemory {
  static func scratch() throws -> Scratch {
    access("/dev/shm", W_OK) == 0 ? try Scratch(below: "/dev/shm/") : try Scratch()
  }
}
