import Glibc

/// Lets one thread sleep until it is called or a time has come. A call that comes before the sleep is not lost.
// Sendable because every access to the memory behind the pointers goes through pthread's own lock.
final class Wakeup: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let called = UnsafeMutablePointer<Bool>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // The wall clock may jump; a sleep must not.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
    called.initialize(to: false)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
    called.deallocate()
  }

  func call() {
    pthread_mutex_lock(mutex)
    called.pointee = true
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Returns when called, or at `deadline` (nanoseconds of `Monotonic.now`), or never without one.
  func wait(until deadline: UInt64?) {
    pthread_mutex_lock(mutex)
    var code: Int32 = 0
    while !called.pointee, code == 0 {
      if let deadline {
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        code = pthread_cond_timedwait(condition, mutex, &time)
      } else {
        code = pthread_cond_wait(condition, mutex)
      }
    }
    called.pointee = false
    pthread_mutex_unlock(mutex)
  }
}

/// Nanoseconds of the machine's monotonic clock: for how long to wait, never for the age of data.
enum Monotonic {
  static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
