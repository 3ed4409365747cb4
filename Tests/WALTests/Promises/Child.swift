import Foundation
import Glibc
import Synchronization

/// `wal-child`, running: its lines as they come, and a way to kill it.
final class Child {
  let pid: pid_t
  private let output: Int32
  private var buffer: [UInt8] = []
  private(set) var lines: [String] = []
  private(set) var ended: Ended?

  enum Ended: Equatable {
    case exit(Int32)
    case signal(Int32)
  }

  struct CannotStart: Error { let what: String }

  /// Beside the test bundle, where the build puts every program.
  static var program: String {
    if let path = ProcessInfo.processInfo.environment["WAL_CHILD"] { return path }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = buffer.withUnsafeMutableBytes { bytes in
      bytes.baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? 0
    }
    let own = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("wal-child").path
  }

  init(_ arguments: [String], environment: [String: String] = [:]) throws {
    // Between a pipe and its mark "close on exec" another child could inherit it, and would keep it open.
    let started = try Child.starting.withLock { _ in try Child.spawn(arguments, environment) }
    self.pid = started.pid
    self.output = started.output
  }

  private static let starting = Mutex(())

  private static func spawn(
    _ arguments: [String], _ environment: [String: String]
  ) throws -> (pid: pid_t, output: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw CannotStart(what: "pipe \(errno)") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    var all = ProcessInfo.processInfo.environment
    // A crash is reported by its signal; the backtrace of each would take half a second.
    all["SWIFT_BACKTRACE"] = "enable=no"
    all.merge(environment) { $1 }
    let argv = ([Child.program] + arguments).map { strdup($0) } + [nil]
    let envp = all.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in argv + envp { free(string) } }
    var pid = pid_t()
    let code = posix_spawn(&pid, Child.program, &actions, nil, argv, envp)
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      throw CannotStart(what: "\(Child.program): \(code)")
    }
    return (pid, ends[0])
  }

  deinit {
    kill()
    _ = finish()
    close(output)
  }

  func kill() { if ended == nil { Glibc.kill(pid, SIGKILL) } }

  /// Reads what has come until `deadline`; false when the child has closed its output.
  @discardableResult
  func read(until deadline: ContinuousClock.Instant, stopAt: (String) -> Bool = { _ in false }) -> Bool {
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
      var poller = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
      let ready = poll(&poller, 1, Int32(clamping: max(0, milliseconds)))
      if ready < 0 && errno == EINTR { continue }
      guard ready > 0 else { return true }
      var chunk = [UInt8](repeating: 0, count: 65536)
      let count = chunk.withUnsafeMutableBytes { Glibc.read(output, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      buffer += chunk[..<count]
      while let end = buffer.firstIndex(of: 10) {
        let line = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeSubrange(...end)
        lines.append(line)
        if stopAt(line) { return true }
      }
      if milliseconds <= 0 { return true }
    }
  }

  /// Reads to the end of the output and waits; kills a child that takes longer than `limit`.
  @discardableResult
  func finish(within limit: Duration = .seconds(120)) -> Ended {
    if let ended { return ended }
    if read(until: .now + limit) { kill() }
    read(until: .now + .seconds(10))
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    let result: Ended = status & 0x7f == 0 ? .exit((status >> 8) & 0xff) : .signal(status & 0x7f)
    ended = result
    return result
  }
}
