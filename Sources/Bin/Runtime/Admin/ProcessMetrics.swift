import Foundation
import Glibc

/// What the kernel knows about this process, under the names that every Prometheus client library uses.
struct ProcessMetrics: Sendable, Equatable {
  var cpuSeconds: Double
  var startSeconds: Double
  var virtualBytes: Int
  var residentBytes: Int
  var threads: Int
  var openFiles: Int?
  var fileLimit: Int?

  /// Nil where there is no /proc. Open files are counted one by one.
  static func read(openFiles: Bool = true) -> ProcessMetrics? {
    guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
      let system = try? String(contentsOfFile: "/proc/stat", encoding: .utf8),
      var metrics = parse(
        stat: stat, systemStat: system, ticksPerSecond: sysconf(Int32(_SC_CLK_TCK)),
        pageBytes: sysconf(Int32(_SC_PAGESIZE)))
    else { return nil }
    if openFiles {
      // The listing itself has one open.
      metrics.openFiles = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count).map { $0 - 1 }
    }
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      metrics.fileLimit = Int(clamping: limit.rlim_cur)
    }
    return metrics
  }

  /// Source: proc(5). Fields are counted from behind the program's name, which may hold blanks and brackets.
  static func parse(stat: String, systemStat: String, ticksPerSecond: Int, pageBytes: Int) -> ProcessMetrics? {
    guard ticksPerSecond > 0, let nameEnd = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: nameEnd)...].split(whereSeparator: \.isWhitespace)
    let bootLine = systemStat.split(separator: "\n").first { $0.hasPrefix("btime ") }
    guard fields.count > 21, let userTicks = Double(fields[11]), let systemTicks = Double(fields[12]),
      let threads = Int(fields[17]), let startTicks = Double(fields[19]), let virtualBytes = Int(fields[20]),
      let residentPages = Int(fields[21]), let boot = bootLine.flatMap({ Double($0.dropFirst(6)) })
    else { return nil }
    let ticks = Double(ticksPerSecond)
    return ProcessMetrics(
      cpuSeconds: (userTicks + systemTicks) / ticks, startSeconds: boot + startTicks / ticks,
      virtualBytes: virtualBytes, residentBytes: residentPages * pageBytes, threads: threads)
  }

  func add(to page: inout MetricsText) {
    page.add(
      "process_cpu_seconds_total", .counter, "Total user and system CPU time spent in seconds.", cpuSeconds)
    page.add(
      "process_start_time_seconds", .gauge, "Start time of the process since unix epoch in seconds.", startSeconds)
    page.add("process_virtual_memory_bytes", .gauge, "Virtual memory size in bytes.", virtualBytes)
    page.add("process_resident_memory_bytes", .gauge, "Resident memory size in bytes.", residentBytes)
    page.add("process_threads", .gauge, "Number of OS threads in the process.", threads)
    if let openFiles {
      page.add("process_open_fds", .gauge, "Number of open file descriptors.", openFiles)
    }
    if let fileLimit {
      page.add("process_max_fds", .gauge, "Maximum number of open file descriptors.", fileLimit)
    }
  }
}
