import Glibc

/// Disk space set aside, so that a full disk still lets the log roll and note what it drops.
struct ReserveFile: Sendable {
  let path: String
  let byteCount: Int

  /// Allocates the file where it is missing or short; false when there is no room for it now.
  func ensure() -> Bool {
    if let length = Files.length(path), length >= byteCount {
      // One that an earlier configuration made longer gives back what is too much.
      if length > byteCount { truncate(path, off_t(byteCount)) }
      return true
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    if posix_fallocate(descriptor, 0, off_t(byteCount)) == 0 { return true }
    // Half a reserve would look like a whole one to nobody, but it would take room from the log.
    unlink(path)
    return false
  }

  /// Gives the space to whoever writes next.
  func release() { unlink(path) }

  var exists: Bool { Files.length(path) != nil }
}
