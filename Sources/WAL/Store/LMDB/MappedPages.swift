import Glibc

/// What is told to the kernel about pages of a map.
enum MappedPages {
  static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// Drops whole pages inside `start ..< start + count` from this process's memory; they come back from the file on the next touch.
  static func giveBack(_ start: UnsafeRawPointer, _ count: Int) {
    let mask = UInt(bitPattern: pageBytes - 1)
    let first = (UInt(bitPattern: start) + mask) & ~mask
    let end = (UInt(bitPattern: start) + UInt(bitPattern: count)) & ~mask
    guard end > first, let page = UnsafeMutableRawPointer(bitPattern: first) else { return }
    madvise(page, Int(end - first), MADV_DONTNEED)
  }
}
