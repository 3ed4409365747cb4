import Glibc
import Model
import Parsing

/// `bench-parse FOLDER`: how fast the text parser reads each `*.txt` of a folder, in MB/s of CPU time on one core.
///
/// Columns: `expect` offers each series of the last run in its order, as a scrape loop that remembers it can; `locate` finds keys, values
/// and timestamps; `hash` also hashes every key, to look it up; `validate` takes every series apart and validates it; `labels` also
/// builds the label set of every series.
@main struct ParseBench {
  static func main() {
    guard CommandLine.arguments.count == 2 else {
      print("usage: bench-parse FOLDER")
      exit(64)
    }
    let folder = CommandLine.arguments[1]
    let files = names(in: folder).filter { $0.hasSuffix(".txt") }.sorted()
    print(row("dump", ["bytes", "samples", "expect", "locate", "hash", "validate", "labels"]))
    for file in files {
      guard let bytes = read("\(folder)/\(file)") else {
        print("\(file): cannot be read")
        exit(66)
      }
      var keys: [SeriesKey] = []
      guard let samples = run(bytes, .locate, &keys) else {
        print(row(file, ["\(bytes.count)", "refused"]))
        continue
      }
      let figures = Mode.allCases.map { "\(Int(speed(bytes, $0, keys)))" }
      print(row(file, ["\(bytes.count)", "\(samples)"] + figures))
    }
  }

  enum Mode: CaseIterable {
    case expect, locate, hash, validate, labels
  }

  /// The number of samples, or nil when the parser refuses the dump.
  static func run(_ dump: [UInt8], _ mode: Mode, _ keys: inout [SeriesKey]) -> Int? {
    let remembers = mode == .locate && keys.isEmpty
    let bytes = dump.span
    let hash = KeyHash(seed: 1)
    var parser = TextParser()
    var series = TextSeries()
    var samples = 0
    var mixed: UInt64 = 0
    do {
      while true {
        if mode == .expect, samples < keys.count,
          let (value, _) = try parser.sample(of: keys[samples], by: hash, in: bytes)
        {
          samples += 1
          mixed ^= value.bitPattern
          continue
        }
        guard let entry = try parser.next(in: bytes) else { break }
        guard case .sample(let key, let value, _) = entry else { continue }
        samples += 1
        mixed ^= value.bitPattern
        switch mode {
        case .locate: if remembers, let key = hash.key(key, in: bytes) { keys.append(key) }
        case .expect: break
        case .hash: mixed ^= hash(key, in: bytes)
        case .validate: try series.parse(key, in: bytes)
        case .labels:
          try series.parse(key, in: bytes)
          mixed ^= UInt64(try series.labels(in: bytes, under: parser.lastType).pairs.count)
        }
      }
    } catch {
      return nil
    }
    sink ^= mixed
    return samples
  }

  /// MB/s of CPU time: the best of seven runs of at least 20 ms each.
  static func speed(_ dump: [UInt8], _ mode: Mode, _ keys: [SeriesKey]) -> Double {
    var repeats = 1
    while true {
      let spent = seconds(dump, mode, keys, repeats)
      if spent >= 0.02 || repeats >= 1 << 20 { break }
      repeats *= 2
    }
    let best = (0..<7).map { _ in seconds(dump, mode, keys, repeats) }.min() ?? 1
    return Double(dump.count * repeats) / best / 1e6
  }

  static func seconds(_ dump: [UInt8], _ mode: Mode, _ keys: [SeriesKey], _ repeats: Int) -> Double {
    var keys = keys
    let start = cpu()
    for _ in 0..<repeats { _ = run(dump, mode, &keys) }
    return cpu() - start
  }

  static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func row(_ name: String, _ columns: [String]) -> String {
    let wide = name.padded(to: 46)
    return wide + columns.map { String(repeating: " ", count: max(1, 10 - $0.count)) + $0 }.joined()
  }

  static func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }

  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    let size = ftell(file)
    rewind(file)
    return [UInt8](unsafeUninitializedCapacity: max(size, 0)) { buffer, count in
      count = fread(buffer.baseAddress, 1, buffer.count, file)
    }
  }

  // Keeps the work from being optimised away; only the main thread touches it.
  nonisolated(unsafe) static var sink: UInt64 = 0
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - utf8.count))
  }
}
