import Glibc
import Model

/// The machine's clock, for what people and samples see. Waiting and ages use the monotonic clock.
public enum WallClock {
  public static func now() -> UnixMilliseconds {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UnixMilliseconds(Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

extension UnixMilliseconds {
  /// Seconds from this time to a later one, below 0 when it is earlier. A sample's time may be any, so that whole numbers could overflow.
  public func seconds(until later: UnixMilliseconds) -> Double { (Double(later.rawValue) - Double(rawValue)) / 1000 }
}
