import CMalloc

/// How the C library keeps freed memory: for a program that runs for months beside others.
///
/// By itself glibc keeps an arena for nearly each thread, gives back only what is free at an arena's end, and raises its own limits whenever
/// something large is freed. For 100 targets of 1,000 series that was a tenth of the memory, for no speed that could be measured.
///
/// Source: mallopt(3).
enum Allocator {
  static let arenas: Int32 = 2
  /// Larger blocks are mapped, and given back as soon as they are freed.
  static let mappedBytes: Int32 = 256 << 10
  /// More than this at an arena's end is given back.
  static let keptBytes: Int32 = 256 << 10

  /// Before the first thread is started. Where it has no effect nothing is lost but memory.
  static func setUp() {
    _ = mallopt(M_ARENA_MAX, arenas)
    _ = mallopt(M_MMAP_THRESHOLD, mappedBytes)
    _ = mallopt(M_TRIM_THRESHOLD, keptBytes)
  }
}
