import Glibc

/// A directory of the file system, held open and locked: no second forwarder writes into it.
final class DiskDirectory: Directory {
  private let descriptor: Int32

  /// Makes the directory and those above it where they are missing. Throws with `EWOULDBLOCK` when another forwarder, of whatever process, holds it.
  init(_ path: String) throws(DirectoryError) {
    try Self.make(path)
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.failure("open \(path)") }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      Glibc.close(descriptor)
      throw DirectoryError(
        code: code,
        description: code == EWOULDBLOCK
          ? "\(path) is in use by another forwarder" : Self.failure("lock \(path)", code).description)
    }
    self.descriptor = descriptor
  }

  deinit { Glibc.close(descriptor) }

  private static func make(_ path: String) throws(DirectoryError) {
    if mkdir(path, 0o755) == 0 {
      // The new entry has to survive as what is written into it does.
      let parent = Glibc.open(Self.parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      if parent >= 0 {
        fsync(parent)
        Glibc.close(parent)
      }
      return
    }
    switch errno {
    case EEXIST: return
    case ENOENT where parent(of: path) != path:
      try make(parent(of: path))
      guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("create directory \(path)") }
    default: throw failure("create directory \(path)")
    }
  }

  private static func parent(of path: String) -> String {
    var parts = path.split(separator: "/", omittingEmptySubsequences: false)
    while parts.last == "" && parts.count > 1 { parts.removeLast() }
    parts.removeLast()
    let parent = parts.joined(separator: "/")
    return parent.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : parent
  }

  private static func failure(_ what: String, _ code: Int32 = errno) -> DirectoryError {
    DirectoryError(code: code, description: "\(what): \(String(cString: strerror(code)))")
  }

  func names() throws(DirectoryError) -> [String] {
    // A descriptor of its own, because closedir closes it.
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else { throw Self.failure("list the directory") }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  func size(_ name: String) throws(DirectoryError) -> Int? {
    var status = stat()
    guard fstatat(descriptor, name, &status, 0) == 0 else {
      if errno == ENOENT { return nil }
      throw Self.failure("look at \(name)")
    }
    return Int(status.st_size)
  }

  func read(_ name: String, limitBytes: Int) throws(DirectoryError) -> [UInt8]? {
    let file = openat(descriptor, name, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      throw Self.failure("open \(name)")
    }
    defer { Glibc.close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limitBytes {
      let n = Glibc.read(file, &chunk, min(chunk.count, limitBytes - bytes.count))
      if n < 0, errno == EINTR { continue }
      guard n >= 0 else { throw Self.failure("read \(name)") }
      if n == 0 { break }
      bytes += chunk[..<n]
    }
    return bytes
  }

  func create(_ name: String) throws(DirectoryError) -> Int32 {
    try opened(name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL, "create")
  }

  func open(_ name: String) throws(DirectoryError) -> Int32 { try opened(name, O_WRONLY | O_APPEND, "open") }

  private func opened(_ name: String, _ flags: Int32, _ what: String) throws(DirectoryError) -> Int32 {
    let file = openat(descriptor, name, flags | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw Self.failure("\(what) \(name)") }
    return file
  }

  func append(_ bytes: [UInt8], to file: Int32) throws(DirectoryError) {
    var written = 0
    while written < bytes.count {
      let n = bytes.withUnsafeBytes { buffer in
        Glibc.write(file, buffer.baseAddress.map { $0 + written }, buffer.count - written)
      }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { throw Self.failure("write", n == 0 ? ENOSPC : errno) }
      written += n
    }
  }

  func truncate(_ file: Int32, to length: Int) throws(DirectoryError) {
    guard ftruncate(file, off_t(length)) == 0 else { throw Self.failure("cut back to \(length) bytes") }
  }

  func sync(_ file: Int32) throws(DirectoryError) {
    guard fdatasync(file) == 0 else { throw Self.failure("flush a file") }
  }

  func close(_ file: Int32) { Glibc.close(file) }

  func rename(_ name: String, to new: String) throws(DirectoryError) {
    guard renameat(descriptor, name, descriptor, new) == 0 else { throw Self.failure("rename \(name) to \(new)") }
  }

  func remove(_ name: String) throws(DirectoryError) {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else { throw Self.failure("remove \(name)") }
  }

  func sync() throws(DirectoryError) {
    guard fsync(descriptor) == 0 else { throw Self.failure("flush the directory") }
  }
}
