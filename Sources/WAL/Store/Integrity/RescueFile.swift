import Glibc

/// A file that may be damaged, read with `pread`: a file cut short meanwhile, or a bad sector, is an answer here and not
/// the SIGBUS that a map would give. Calls interrupted by signals are repeated.
struct RescueFile: ~Copyable {
  let path: String
  private let descriptor: Int32
  /// The length when the file was opened.
  let length: UInt64

  init(reading path: String) throws(IntegrityError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw IntegrityError("open", path: path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let error = IntegrityError("stat", path: path)
      close(descriptor)
      throw error
    }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    self.path = path
    self.descriptor = descriptor
    self.length = UInt64(max(0, status.st_size))
  }

  deinit { close(descriptor) }

  enum Part: Equatable {
    case bytes(Int)
    /// The file ends here.
    case end
    /// The disk cannot read this place.
    case unreadable
  }

  /// Fills as much of `buffer` as there is from `offset` on; short only before the end or an unreadable place.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(IntegrityError) -> Part {
    guard let base = buffer.baseAddress, !buffer.isEmpty else { return .bytes(0) }
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, base + done, buffer.count - done, off_t(offset) + off_t(done))
      if count > 0 {
        done += count
      } else if count == 0 {
        return done > 0 ? .bytes(done) : .end
      } else if errno == EIO {
        return done > 0 ? .bytes(done) : .unreadable
      } else if errno != EINTR {
        throw IntegrityError("read", path: path)
      }
    }
    return .bytes(done)
  }

  /// Exactly these bytes, or nil when they are not all there. The caller has bounded `count`.
  func bytes(at offset: UInt64, count: Int) throws(IntegrityError) -> [UInt8]? {
    guard offset <= length, UInt64(count) <= length - offset else { return nil }
    var failure: IntegrityError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(IntegrityError) {
        if case .bytes(let read) = try self.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset) {
          filled = read
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes.count == count ? bytes : nil
  }
}

/// Writes that are durable when they return.
enum DurableFile {
  /// Writes a new file under its final name: a temporary one beside it, flushed, renamed, and the directory flushed. After a
  /// crash there is the old file, the new one, or none that was not there before; and at most a `.tmp` to be ignored.
  static func replace(_ path: String, with bytes: [UInt8]) throws(IntegrityError) {
    let temporary = path + ".tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw IntegrityError("create", path: temporary) }
    do throws(IntegrityError) {
      defer { close(descriptor) }
      try write(bytes, to: descriptor, path: temporary)
      guard fsync(descriptor) == 0 else { throw IntegrityError("fsync", path: temporary) }
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let error = IntegrityError("rename", path: path)
      unlink(temporary)
      throw error
    }
    try flushDirectory(of: path)
  }

  static func write(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(IntegrityError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw IntegrityError("write", path: path) }
      done += count
    }
  }

  static func flushDirectory(of path: String) throws(IntegrityError) { try flush(directory: directory(of: path)) }

  static func flush(directory: String) throws(IntegrityError) {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw IntegrityError("open", path: directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw IntegrityError("fsync", path: directory) }
  }

  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }
}
