import Codec
import Glibc
import Model
import ScrapeTables

/// `bench-scrape FILE…`: how fast expositions become rows of a scrape whose series are known, on one core of CPU time.
///
/// Columns: bytes and samples of the file; MB/s and nanoseconds a sample for a scrape of known series (body → rows); nanoseconds a sample for the
/// first scrape, in which every series is new and gets its labels and its place in a table; for a scrape with one new series after a long time without;
/// for a scrape of known series by each of 200 targets in turn, whose caches have left the processor's own in between; bytes of memory that a cache keeps
/// for each series once nothing new has come for a while.
@main struct ScrapeBench {
  static func main() throws {
    print(
      "file bytes samples known-MB/s known-ns/sample new-ns/sample one-new-ns/sample in-turn-ns/sample kept-bytes/series"
    )
    for path in CommandLine.arguments.dropFirst() {
      guard let body = read(path) else {
        print("\(path): cannot be read")
        exit(66)
      }
      let labels = SampleLabels(
        target: [Label("instance", "localhost:9100"), Label("job", "node")], external: [], honorLabels: false)
      let started = cpu()
      var cache = ScrapeCache(labels: labels, source: 1)
      var reading = ScrapeCache.Reading()
      do { try cache.read(body.span, at: UnixMilliseconds(.max), reading: &reading) } catch {
        print("\(path): refused, \(error)")
        continue
      }
      _ = try rows(&cache, reading)
      let new = cpu() - started
      var best = Double.infinity
      for _ in 0..<7 {
        var repeats = 0
        let start = cpu()
        while cpu() - start < 0.1 {
          var again = ScrapeCache.Reading()
          try cache.read(body.span, at: UnixMilliseconds(.max), reading: &again)
          _ = try rows(&cache, again)
          repeats += 1
        }
        best = min(best, (cpu() - start) / Double(repeats))
      }
      let oneNew = try oneNewSeconds(cache, body)
      let (kept, inTurn) = try keptBytes(body, labels)
      let samples = Double(max(1, reading.samples))
      let name = path.split(separator: "/").last ?? ""
      print(
        "\(name) \(body.count) \(reading.samples) \(Int(Double(body.count) / best / 1e6)) \(Int(best / samples * 1e9))"
          + " \(Int(new / samples * 1e9)) \(Int(oneNew / samples * 1e9)) \(Int(inTurn / samples * 1e9)) \(kept)")
    }
  }

  /// The best of several, for a cache that has come to rest.
  static func oneNewSeconds(_ cache: ScrapeCache, _ body: [UInt8]) throws -> Double {
    let body = body + Array("\nnew_series_of_bench 1\n".utf8)
    var best = Double.infinity
    for _ in 0..<7 {
      var again = cache
      let start = cpu()
      var reading = ScrapeCache.Reading()
      try again.read(body.span, at: UnixMilliseconds(.max), reading: &reading)
      _ = try rows(&again, reading)
      best = min(best, cpu() - start)
    }
    return best
  }

  /// By how much many caches of a target raise the resident memory, for each of their series, and the seconds that a scrape by one of them takes.
  static func keptBytes(_ body: [UInt8], _ labels: SampleLabels) throws -> (bytes: Int, seconds: Double) {
    let before = residentBytes()
    var caches: [ScrapeCache] = []
    for _ in 0..<200 {
      var cache = ScrapeCache(labels: labels, source: 1)
      for _ in 0..<30 {
        var reading = ScrapeCache.Reading()
        try cache.read(body.span, at: UnixMilliseconds(.max), reading: &reading)
        _ = try rows(&cache, reading)
      }
      caches.append(cache)
    }
    let kept = (residentBytes() - before) / caches.count / max(1, caches[0].seriesCount)
    var best = Double.infinity
    for _ in 0..<5 {
      let start = cpu()
      for at in caches.indices {
        var reading = ScrapeCache.Reading()
        try caches[at].read(body.span, at: UnixMilliseconds(.max), reading: &reading)
        _ = try rows(&caches[at], reading)
      }
      best = min(best, (cpu() - start) / Double(caches.count))
    }
    return (kept, best)
  }

  static func residentBytes() -> Int {
    let fields = String(decoding: read("/proc/self/statm") ?? [], as: UTF8.self).split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(CInt(_SC_PAGESIZE))) : 0
  }

  static func rows(_ cache: inout ScrapeCache, _ reading: ScrapeCache.Reading) throws -> [MetricRow] {
    let report = ScrapeCache.Report(
      isUp: true, durationSeconds: 0.1, samples: reading.samples, samplesKept: reading.samples)
    return try cache.rows(at: UnixMilliseconds(0), report)
  }

  static func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = fread(&chunk, 1, chunk.count, file)
      if n == 0 { return bytes }
      bytes += chunk[..<n]
    }
  }
}
