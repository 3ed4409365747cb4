import Forwarders

/// File forwarders' counters as metrics. Each family holds one sample a forwarder.
enum FileMetrics {
  static func add(_ forwarders: [(name: String, counters: FileForwarderCounters)], to page: inout MetricsText) {
    func counter(_ name: String, _ help: String, _ value: (FileForwarderCounters) -> UInt64) {
      page.add(
        "clymene_file_\(name)_total", .counter, help,
        forwarders.map { ([("forwarder", $0.name)], Double(value($0.counters))) })
    }
    counter("lines", "Lines written.") { $0.lines }
    counter("bytes", "Bytes written, as they lie on the disk.") { $0.bytes }
    counter("finished_files", "Files finished.") { $0.finishedFiles }
    counter("cut_bytes", "Bytes cut off at a start because they were not recorded as delivered.") { $0.cutBytes }
    counter("set_aside", "Files set aside because they did not fit the recorded state.") { $0.setAside }
  }
}
