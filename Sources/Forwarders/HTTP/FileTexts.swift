import Glibc
import Synchronization

/// The content of files that settings name, read again when a file has changed: with each request a `stat`, hardly ever a read. Both are calls
/// that block, but on small local files.
public final class FileTexts: Sendable {
  static let limitBytes = 1 << 20

  private struct Stamp: Hashable {
    let device: UInt64
    let inode: UInt64
    let bytes: Int
    let seconds: Int
    let nanoseconds: Int

    init(_ status: stat) {
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
      bytes = Int(status.st_size)
      seconds = status.st_mtim.tv_sec
      nanoseconds = status.st_mtim.tv_nsec
    }
  }

  private let known = Mutex<[String: (stamp: Stamp, text: String)]>([:])
  /// What stood in a file before: it may be in requests that are under way, and be valid for a while.
  private let former = Mutex<[String: [String]]>([:])
  private static let formerLimit = 4

  public init() {}

  /// What was read of it so far, without a look at the file: the present text and the last former ones.
  func known(_ secret: Secret) -> [String] {
    switch secret.source {
    case .text(let text): [text]
    case .file(let path): former.withLock { $0[path] ?? [] }
    }
  }

  /// What the setting says, for files without blanks around it. Throws when the file cannot be read; trying again helps once it can.
  public func text(of secret: Secret) throws(HTTPError) -> String {
    switch secret.source {
    case .text(let text): text
    case .file(let path): try text(ofFile: path)
    }
  }

  private func text(ofFile path: String) throws(HTTPError) -> String {
    var status = stat()
    guard stat(path, &status) == 0 else { throw Self.error(path, String(cString: strerror(errno))) }
    let stamp = Stamp(status)
    if let entry = known.withLock({ $0[path] }), entry.stamp == stamp { return entry.text }
    // Of a pipe or a device nobody knows when it ends, and to wait for it would block a thread of all tasks.
    guard status.st_mode & S_IFMT == S_IFREG else { throw Self.error(path, "it is not a regular file") }
    guard stamp.bytes <= Self.limitBytes else {
      throw Self.error(path, "\(stamp.bytes) bytes, at most \(Self.limitBytes) are read")
    }
    let text = try Self.read(path)
    known.withLock { $0[path] = (stamp, text) }
    former.withLock { former in
      former[path] = Array(([text] + (former[path] ?? []).filter { $0 != text }).prefix(Self.formerLimit))
    }
    return text
  }

  private static func read(_ path: String) throws(HTTPError) -> String {
    // Without waiting, for it may be a pipe by now.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw error(path, String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var step = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = Glibc.read(descriptor, &step, step.count)
      guard count >= 0 else { throw error(path, String(cString: strerror(errno))) }
      if count == 0 { break }
      bytes += step[..<count]
      guard bytes.count <= limitBytes else { throw error(path, "more than \(limitBytes) bytes") }
    }
    let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
    let trimmed = bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
    guard let text = String(validating: trimmed, as: UTF8.self) else { throw error(path, "it is not UTF-8") }
    return text
  }

  private static func error(_ path: String, _ reason: String) -> HTTPError {
    HTTPError(.settings, "\(path) cannot be read: \(reason)")
  }
}
