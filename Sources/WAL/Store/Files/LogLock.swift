import Glibc

/// The exclusive right to write a log: `flock` on `<wal>/lock`, which the kernel gives back when the process ends, however it ends.
struct LogLock: ~Copyable {
  private let descriptor: Int32

  /// Throws `.locked` with the holder's process id when somebody else has it.
  init(directory: String) throws(LogError) {
    let path = directory + "/lock"
    let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard opened >= 0 else { throw LogError.system("open", path) }
    var code: Int32 = 0
    // An inspector that asks whether the log is live holds a shared lock for a moment.
    for attempt in 0..<10 {
      if attempt > 0 { sleepMilliseconds(20) }
      code = flock(opened, LOCK_EX | LOCK_NB) == 0 ? 0 : errno
      if code != EWOULDBLOCK { break }
    }
    if code != 0 {
      close(opened)
      guard code == EWOULDBLOCK else { throw LogError.system("flock", path, code: code) }
      let holder = (try? Files.read(path, limitBytes: 64)).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) }
      let who = holder.map { $0.filter(\.isNumber) }.flatMap { $0.isEmpty ? nil : "process \($0)" }
      throw LogError(
        .locked, "\(directory): the log is open in \(who ?? "another process"); a log has one writer. Stop that first")
    }
    // Only for the message above; nobody decides anything by it.
    let text = Array("\(getpid())\n".utf8)
    if ftruncate(opened, 0) == 0 { _ = pwrite(opened, text, text.count, 0) }
    descriptor = opened
  }

  deinit { close(descriptor) }

  /// Whether somebody has the log open for writing.
  static func isHeld(directory: String) -> Bool {
    let opened = open(directory + "/lock", O_RDONLY | O_CLOEXEC)
    guard opened >= 0 else { return false }
    defer { close(opened) }
    return flock(opened, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
  }
}
