import Glibc

/// The few calls to the file system that the log makes besides LMDB's.
enum Files {
  static func makeDirectory(_ path: String) throws(LogError) {
    var upTo = path.startIndex
    while upTo < path.endIndex {
      upTo = path[path.index(after: upTo)...].firstIndex(of: "/") ?? path.endIndex
      let part = String(path[..<upTo])
      if mkdir(part, 0o700) == 0 {
        try flushDirectory(parent(of: part))
      } else if errno != EEXIST {
        throw LogError.system("mkdir", part)
      }
    }
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Names in a directory without `.` and `..`, sorted.
  static func list(_ path: String) throws(LogError) -> [String] {
    guard let directory = opendir(path) else { throw LogError.system("opendir", path) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The file's length in bytes, nil when there is none.
  static func length(_ path: String) -> Int? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Int(status.st_size)
  }

  /// Bytes of all files in a directory, not of those deeper down; 0 when there is none.
  static func bytes(in directory: String) -> Int {
    guard let names = try? list(directory) else { return 0 }
    return names.reduce(0) { $0 + (length("\(directory)/\($1)") ?? 0) }
  }

  static func flushDirectory(_ path: String) throws(LogError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw LogError.system("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw LogError.system("fsync", path) }
  }

  /// Whether there was one.
  @discardableResult
  static func remove(_ path: String) throws(LogError) -> Bool {
    if unlink(path) == 0 { return true }
    if errno == ENOENT { return false }
    throw LogError.system("unlink", path)
  }

  /// The first bytes of a file, fewer when it is shorter; nil when there is none.
  static func start(of path: String, count: Int) throws(LogError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw LogError.system("open", path)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let got = pread(descriptor, &bytes, count, 0)
    guard got >= 0 else { throw LogError.system("read", path) }
    return Array(bytes[..<got])
  }

  static func read(_ path: String, limitBytes: Int) throws(LogError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw LogError.system("open", path)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: min(65536, limitBytes + 1))
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw LogError.system("read", path)
      }
      if count == 0 { return bytes }
      bytes.append(contentsOf: buffer[..<count])
      guard bytes.count <= limitBytes else {
        throw LogError(.damaged, "\(path): more than \(limitBytes) bytes")
      }
    }
  }

  /// Writes a file under a temporary name, flushes it, gives it its name and, when `durable`, flushes the directory.
  static func replace(_ path: String, with bytes: [UInt8], durable: Bool = true) throws(LogError) {
    let temporary = path + ".tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw LogError.system("create", temporary) }
    var failure: LogError?
    var done = 0
    while done < bytes.count, failure == nil {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done) }
      if count > 0 {
        done += count
      } else if errno != EINTR {
        failure = .system("write", temporary)
      }
    }
    if failure == nil, durable, fsync(descriptor) != 0 { failure = .system("fsync", temporary) }
    close(descriptor)
    if failure == nil, rename(temporary, path) != 0 { failure = .system("rename", path) }
    if let failure {
      unlink(temporary)
      throw failure
    }
    if durable { try flushDirectory(parent(of: path)) }
  }

  /// Bytes that an unprivileged process may still write to the disk that holds `path`; nil when the system does not say.
  static func freeBytes(_ path: String) -> Int? {
    var status = statvfs()
    guard statvfs(path, &status) == 0 else { return nil }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }
}
