import Synchronization

/// Many targets at one port: target n answers at /t/n/metrics, and counts its pages.
final class LoadExporter: Sendable {
  let targets: Int
  let server: LoopbackServer
  private let served: Served

  private final class Served: Sendable {
    let pages: Mutex<[Int]>
    init(targets: Int) { pages = Mutex(Array(repeating: 0, count: targets)) }
  }

  /// `more` gives lines to the end of a page, by its target and number.
  init(
    targets: Int, series: Int, more: @escaping @Sendable (_ target: Int, _ sequence: Int) -> String = { _, _ in "" }
  ) throws {
    self.targets = targets
    let served = Served(targets: targets)
    let pages = (0..<targets).map { LoadPage(target: $0, series: series) }
    self.served = served
    server = try LoopbackServer { request in
      let parts = request.path.split(separator: "/")
      guard parts.count == 3, parts[0] == "t", let target = Int(parts[1]), pages.indices.contains(target) else {
        return .answer(404, body: [])
      }
      let sequence = served.pages.withLock { pages in
        pages[target] += 1
        return pages[target]
      }
      return .answer(200, body: pages[target].text(sequence: sequence) + Array(more(target, sequence).utf8))
    }
  }

  deinit { server.stop() }

  /// How many pages each target has served, whether or not they arrived.
  var pages: [Int] { served.pages.withLock { $0 } }

  static func instance(_ target: Int) -> String { "bench-\(target)" }

  /// The job `bench` of a configuration.
  var job: String {
    let groups = (0..<targets).map {
      "      - {targets: [\"127.0.0.1:\(server.port)\"], "
        + "labels: {__metrics_path__: /t/\($0)/metrics, instance: \(Self.instance($0))}}"
    }
    return "  - job_name: bench\n    static_configs:\n" + groups.joined(separator: "\n")
  }
}
