import Glibc
import Model

/// Where the log reads the time; tests put in their own.
public struct LogClock: Sendable {
  /// Milliseconds since the machine started, suspended time included: never jumps.
  public var sinceBoot: @Sendable () -> Int64
  /// Names this run of the machine, so that `sinceBoot` of two runs is never compared.
  public var bootName: @Sendable () -> String
  /// What the machine takes for the time of day; may be wrong by years, and jump.
  public var wall: @Sendable () -> UnixMilliseconds

  public init(
    sinceBoot: @escaping @Sendable () -> Int64, bootName: @escaping @Sendable () -> String,
    wall: @escaping @Sendable () -> UnixMilliseconds
  ) {
    self.sinceBoot = sinceBoot
    self.bootName = bootName
    self.wall = wall
  }

  /// The machine's own.
  public static let system = LogClock(
    sinceBoot: { milliseconds(CLOCK_BOOTTIME) },
    bootName: {
      let text = (try? Files.read("/proc/sys/kernel/random/boot_id", limitBytes: 256)).flatMap { $0 } ?? []
      return String(decoding: text, as: UTF8.self).filter { $0.isHexDigit }
    },
    wall: { UnixMilliseconds(milliseconds(CLOCK_REALTIME)) })

  private static func milliseconds(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}

/// The log's own time, in milliseconds, by which `max_age`, `keep_delivered`, `orphan_hold` and `dedupe_window` count.
///
/// It goes on with the machine's monotonic clock. Over a restart of the machine, where only the time of day is left to ask, it
/// goes on by what that says, but by no more than a day and never back: a device whose clock starts in 1970 and jumps
/// to today would otherwise drop everything as too old.
struct LogTime: Sendable, Equatable {
  static let limitAcrossBoots: Int64 = 24 * 3600 * 1000

  /// What is kept in the catalog.
  struct Mark: Sendable, Equatable {
    var logMilliseconds: Int64
    var sinceBoot: Int64
    var bootName: String
    var wall: Int64
  }

  private let startLog: Int64
  private let startBoot: Int64

  /// Goes on from `mark`, or starts at 0. `least` is what is known from elsewhere to have been reached.
  init(continuing mark: Mark?, least: Int64 = 0, bootName: String, sinceBoot: Int64, wall: Int64) {
    startBoot = sinceBoot
    guard let mark else {
      startLog = max(0, least)
      return
    }
    let passed: Int64
    if !bootName.isEmpty, mark.bootName == bootName, sinceBoot >= mark.sinceBoot {
      passed = sinceBoot - mark.sinceBoot
    } else {
      let (difference, overflow) = wall.subtractingReportingOverflow(mark.wall)
      passed = overflow ? 0 : min(max(0, difference), LogTime.limitAcrossBoots)
    }
    startLog = max(mark.logMilliseconds.addingReportingOverflow(passed).partialValue, least, 0)
  }

  func at(sinceBoot: Int64) -> Int64 { startLog + max(0, sinceBoot - startBoot) }
}
