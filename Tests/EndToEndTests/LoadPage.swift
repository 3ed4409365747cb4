/// What a target of the load exporter shows: the families of a service, in the text format, with numbers that move from page to page.
///
/// All values are multiples of a quarter and below 2^40, so that sums of them are exact in whatever order a database adds them up.
struct LoadPage: Sendable {
  /// How many pages the target has served, this one included.
  static let sequenceName = "bench_scrape_seq"

  private struct Moving: Sendable {
    /// From the number before up to this one.
    var text: [UInt8]
    /// Quarters, on the page with the sequence 0 and from page to page.
    var start: Int
    var step: Int
  }

  private static let buckets = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"]
  private static let codes = ["200", "204", "400", "404", "500"]

  private var moving: [Moving] = []
  private var text: [UInt8] = []
  /// Samples on each page.
  private(set) var count = 0

  /// A page with exactly `series` samples, at least one.
  init(target: Int, series: Int) {
    family(Self.sequenceName, "counter", "Pages that this target has served.")
    add(Self.sequenceName, start: 0, step: 4)
    // A histogram of ten buckets with its sum and count, and five counters.
    let handlers = (series - 1) / 25
    family("bench_http_request_duration_seconds", "histogram", "Time from the request to the end of its answer.")
    for handler in 0..<handlers {
      let name = "bench_http_request_duration_seconds"
      let labels = "handler=\"/api/v1/thing-\(handler)\",method=\"GET\""
      for (at, bound) in Self.buckets.enumerated() {
        add("\(name)_bucket{\(labels),le=\"\(bound)\"}", start: 4 * target * (at + 1), step: 4 * (at + 1))
      }
      add("\(name)_sum{\(labels)}", start: target, step: handler + 1)
      add("\(name)_count{\(labels)}", start: 4 * target * Self.buckets.count, step: 4 * Self.buckets.count)
    }
    family("bench_http_requests_total", "counter", "Requests by their answer.")
    for handler in 0..<handlers {
      for (at, code) in Self.codes.enumerated() {
        add(
          "bench_http_requests_total{code=\"\(code)\",handler=\"/api/v1/thing-\(handler)\"}",
          start: 4 * target, step: at == 0 ? 4 * (handler + 1) : 0)
      }
    }
    let rest = series - count
    family("bench_pool_connections", "gauge", "Connections of each pool.")
    for pool in 0..<(rest / 2) { add("bench_pool_connections{pool=\"p-\(pool)\"}", start: 4000 + pool, step: pool % 7) }
    family("bench_limit_bytes", "gauge", "What each resource may take.")
    for resource in 0..<(series - count) {
      add("bench_limit_bytes{resource=\"r-\(resource)\"}", start: 4 * 1_048_576 * (resource + 1), step: 0)
    }
  }

  /// The page with this number.
  func text(sequence: Int) -> [UInt8] {
    var page: [UInt8] = []
    page.reserveCapacity(text.count + moving.count * 96)
    for part in moving {
      page += part.text
      page += Self.number(part.start + part.step * sequence)
    }
    page += text
    return page
  }

  private mutating func family(_ name: String, _ type: String, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n".utf8
  }

  private mutating func add(_ series: String, start: Int, step: Int) {
    count += 1
    text += "\(series) ".utf8
    if step == 0 {
      text += Self.number(start)
    } else {
      moving.append(Moving(text: text, start: start, step: step))
      text = []
    }
    text += "\n".utf8
  }

  private static func number(_ quarters: Int) -> [UInt8] {
    Array("\(quarters / 4)\(["", ".25", ".5", ".75"][quarters % 4])".utf8)
  }
}
