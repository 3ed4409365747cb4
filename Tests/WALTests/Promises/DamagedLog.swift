import Foundation
import Testing

@testable import Codec
@testable import WAL

/// A log as a test damages it: its files, and which offsets each of their bytes carries.
struct DamagedLog {
  let directory: String
  let seed: Int
  let isClean: Bool
  /// All files below the directory that matter.
  let files: [String: [UInt8]]
  let truth: Finding
  /// By segment file: where each copy of each record is, and of which offsets.
  private let records: [String: [(bytes: Range<Int>, offsets: Range<UInt64>)]]
  /// By segment file: where each copy of each table is, and the offsets of the blocks that name it.
  private let tables: [String: [(bytes: Range<Int>, offsets: [Range<UInt64>])]]
  let segments: [String]

  var active: String { segments.last ?? "" }

  /// Writes a log of a few segments; `clean` or killed.
  init(_ scratch: Scratch, seed: Int, clean: Bool) throws {
    self.seed = seed
    isClean = clean
    directory = scratch.file(clean ? "clean" : "killed")
    let child = try Child(
      ["write", directory, "seed=\(seed)", "batches=9", "lane=1", "lane-pause=3", "segment=131072"]
        + (clean ? ["close=1"] : ["linger=60000"]))
    if clean {
      try #require(child.finish() == .exit(0))
    } else {
      // Everything is acknowledged when the last worker is, and the lane has got somewhere.
      var left = 4
      child.read(until: .now + .seconds(60)) { line in
        if line.hasPrefix("A ") && line.split(separator: " ")[2] == "9" { left -= 1 }
        return left == 0
      }
      usleep(50_000)
      child.kill()
      try #require(child.finish() == .signal(SIGKILL))
    }
    unlink(directory + "/reserve")

    var files: [String: [UInt8]] = [:]
    let root = URL(fileURLWithPath: directory)
    for case let path as String in FileManager.default.enumerator(atPath: directory) ?? .init() {
      var isDirectory: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: directory + "/" + path, isDirectory: &isDirectory)
      if !exists || isDirectory.boolValue || path.hasSuffix("-lock") { continue }
      files[path] = [UInt8](try Data(contentsOf: root.appendingPathComponent(path)))
    }
    self.files = files
    segments = files.keys.filter { $0.hasPrefix("segments/") && $0.hasSuffix(".lmdb") }.sorted()

    let copy = directory + "-truth"
    try DamagedLog.copy(files, from: directory, to: copy, sharing: [])
    let check = try Child(["check", copy, "seed=\(seed)", "segment=131072", "map=1"])
    check.finish()
    truth = try #require(Finding.parse(check.lines).first)
    try #require(truth.result == "end" && truth.problems.isEmpty && truth.partial.isEmpty, "\(truth)")
    for worker in 0...3 { try #require(truth.whole[worker] == [1...9]) }

    var records: [String: [(bytes: Range<Int>, offsets: Range<UInt64>)]] = [:]
    var tables: [String: [(bytes: Range<Int>, offsets: [Range<UInt64>])]] = [:]
    for segment in segments {
      let file = try RescueFile(reading: directory + "/" + segment)
      var scan = SalvageScan(offsets: 0..<UInt64.max)
      try scan.run(over: file)
      var naming: [TableName: [Range<UInt64>]] = [:]
      for record in scan.records {
        guard let offsets = record.offsets, let bytes = try file.bytes(at: record.position, count: record.byteCount)
        else { continue }
        let start = Int(record.position)
        records[segment, default: []].append(((start - RecordHead.byteCount)..<(start + record.byteCount), offsets))
        for table in try SealedBlock(verifying: bytes).header.tables { naming[table, default: []].append(offsets) }
      }
      let whole = Data(files[segment] ?? [])
      for (name, place) in scan.tables {
        guard let bytes = try file.bytes(at: place.position, count: place.byteCount) else { continue }
        var rest = whole[...]
        while let range = rest.range(of: Data(bytes)) {
          tables[segment, default: []].append((range, naming[name] ?? []))
          rest = whole[(range.lowerBound + 1)...]
        }
      }
    }
    self.records = records
    self.tables = tables
  }

  /// Copies a log; files that the log never writes again may be shared by a link.
  static func copy(_ files: [String: [UInt8]], from: String, to: String, sharing: Set<String>) throws {
    for path in files.keys.sorted() {
      let target = to + "/" + path
      if !FileManager.default.fileExists(atPath: DurableFile.directory(of: target)) {
        try FileManager.default.createDirectory(
          atPath: DurableFile.directory(of: target), withIntermediateDirectories: true)
      }
      if sharing.contains(path), link(from + "/" + path, target) == 0 { continue }
      try Data(files[path] ?? []).write(to: URL(fileURLWithPath: target))
    }
  }

  /// Whether the damaged file, byte for byte, is in the quarantine of a copy that was opened.
  func isKept(_ damage: Damage, in target: String) -> Bool {
    let directory = target + "/quarantine"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    let damaged = changed(by: damage)[damage.path]
    return names.contains { name in
      guard let data = try? Data(contentsOf: URL(fileURLWithPath: directory + "/" + name)) else { return false }
      return [UInt8](data) == damaged
    }
  }

  private func changed(by damage: Damage) -> [String: [UInt8]] {
    var changed = files
    switch damage {
    case .flip(let path, let bit): changed[path]?[bit / 8] ^= 1 << UInt8(bit % 8)
    case .cut(let path, let length): changed[path] = files[path].map { Array($0.prefix(length)) }
    case .grown(let path, let count): changed[path]? += [UInt8](repeating: 0, count: count)
    case .gone(let path): changed[path] = nil
    }
    return changed
  }

  /// Makes a damaged copy.
  func write(_ damage: Damage, to target: String) throws {
    let changed = changed(by: damage)
    // Sealed segments are never written again, so that the undamaged ones need no copies.
    let sealed = Set(segments.dropLast() + files.keys.filter { $0.hasSuffix(".sums") })
    try DamagedLog.copy(changed, from: directory, to: target, sharing: sealed.subtracting([damage.path]))
  }

  /// Offsets that may be lost by the damage.
  func affected(by damage: Damage) -> [Range<UInt64>] {
    let hit: Range<Int>
    switch damage {
    case .flip(_, let bit): hit = (bit / 8)..<(bit / 8 + 1)
    case .cut(let path, let length): hit = length..<max(length + 1, files[path]?.count ?? 0)
    case .grown: return []
    case .gone: hit = 0..<Int.max
    }
    let blocks = (records[damage.path] ?? []).filter { $0.bytes.overlaps(hit) }.map(\.offsets)
    return blocks + (tables[damage.path] ?? []).filter { $0.bytes.overlaps(hit) }.flatMap(\.offsets)
  }

  /// What the check of a damaged copy says against the promises.
  func broken(_ damage: Damage, _ finding: Finding) -> [String] {
    let affected = affected(by: damage)
    var broken = finding.problems
    if finding.result != "end" { broken.append("the check ended with \(finding.result ?? "nothing")") }
    var lost = 0
    for place in truth.batchOffsets {
      if finding.has(place.worker, place.batch) { continue }
      lost += 1
      if !affected.contains(where: { $0.overlaps(Range(place.range)) }) {
        broken.append("batch \(place.batch) of worker \(place.worker) at \(place.range) is gone")
      }
    }
    // Of a killed log nobody may know how far its newest segment had come, when that is cut short or gone.
    if !isClean, damage.path == active {
      if case .flip = damage {} else { lost = 0 }
    }
    let said =
      ["damaged", "in no file", "left out"].contains { finding.opening.contains($0) } || finding.missingRows > 0
    if lost > 0 && !said { broken.append("\(lost) batches are gone, and nothing is said") }
    for (worker, position) in finding.positions where position > (truth.positions[worker] ?? 0) {
      broken.append("worker \(worker): position \(position), it was \(truth.positions[worker] ?? 0)")
    }
    if let base = finding.laneBase, base > (truth.laneBase ?? 0), affected.isEmpty {
      broken.append("the cursor is at \(base), it was at \(truth.laneBase ?? 0)")
    }
    return broken.map { "\(damage) (newest \(active)): \($0); opening: \(finding.opening)" }
  }

  enum Damage: Sendable, CustomStringConvertible {
    case flip(String, bit: Int)
    case cut(String, length: Int)
    case grown(String, by: Int)
    case gone(String)

    var path: String {
      switch self {
      case .flip(let path, _), .cut(let path, _), .grown(let path, _), .gone(let path): path
      }
    }

    var description: String {
      switch self {
      case .flip(let path, let bit): "byte \(bit / 8), bit \(bit % 8) of \(path) flipped"
      case .cut(let path, let length): "\(path) cut to \(length) bytes"
      case .grown(let path, let count): "\(path) longer by \(count) zeros"
      case .gone(let path): "\(path) missing"
      }
    }
  }

  // MARK: - Places

  /// Every byte of record head and block header, of the first large and the first small block of a segment.
  func headerBytes(in segment: String) -> [Int] {
    let all = (records[segment] ?? []).map(\.bytes)
    let chosen = [all.first { $0.count > 2100 }, all.first { $0.count < 2000 }].compactMap { $0 }
    return chosen.flatMap { record -> [Int] in
      let block = Array(files[segment]?[record].dropFirst(RecordHead.byteCount) ?? [])
      let header = try? BlockHeader(reading: block.span.bytes)
      return Array(record.lowerBound..<(record.lowerBound + RecordHead.byteCount + (header?.byteCount ?? 0)))
    }
  }

  /// Every byte of a table's header.
  func tableHeaderBytes(in segment: String) -> [Int] {
    guard let start = tables[segment]?.first?.bytes.lowerBound else { return [] }
    return Array(start..<(start + SeriesTable.headerBytes))
  }

  /// Both meta pages.
  static let metaBytes = Array(0..<152) + Array(4096..<(4096 + 152))

  /// All that is used of branch pages.
  func branchBytes(of path: String) -> [Int] {
    var places: [Int] = []
    for (page, lower, upper) in pages(of: path, flags: 1) {
      places += page..<(page + lower)
      places += (page + upper)..<(page + 4096)
    }
    return places
  }

  /// Of leaf pages the head, the pointers and the first nodes; of pages with a large value the head.
  func leafBytes(of path: String) -> [Int] {
    var places: [Int] = []
    for (page, lower, upper) in pages(of: path, flags: 2) {
      places += page..<(page + lower)
      places += (page + upper)..<min(page + upper + 120, page + 4096)
    }
    for (page, _, _) in pages(of: path, flags: 4) { places += page..<(page + 16) }
    return places
  }

  private func pages(of path: String, flags: UInt8) -> [(page: Int, lower: Int, upper: Int)] {
    guard let bytes = files[path] else { return [] }
    return stride(from: 8192, to: bytes.count - 4095, by: 4096).compactMap { page in
      // A page's own number tells it from the bytes of a large value.
      guard bytes[page + 10] == flags, bytes[page + 11] == 0,
        Int(bytes[page]) | Int(bytes[page + 1]) << 8 == page / 4096
      else { return nil }
      let lower = Int(bytes[page + 12]) | Int(bytes[page + 13]) << 8
      let upper = Int(bytes[page + 14]) | Int(bytes[page + 15]) << 8
      guard flags == 4 || (16...4096).contains(lower) && (lower...4096).contains(upper) else { return nil }
      return (page, lower, upper)
    }
  }
}
