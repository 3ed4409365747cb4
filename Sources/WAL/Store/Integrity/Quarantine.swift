import Glibc

/// A directory for what was damaged, byte for byte, each file with a note that says when, why, and what was saved from it.
/// Bounded: the oldest go when there is more than `limitBytes`, and are counted.
///
///     quarantine/000001-00000000000000004711.lmdb
///     quarantine/000001-00000000000000004711.lmdb.txt
///
/// Files are numbered in the order in which they came, so that a clock that jumps does not decide which one is the oldest.
public struct Quarantine: Sendable {
  public let directory: String
  public let limitBytes: UInt64

  public init(directory: String, limitBytes: UInt64) {
    self.directory = directory
    self.limitBytes = limitBytes
  }

  public struct Item: Sendable, Equatable {
    public let number: UInt64
    /// Of the damaged file, in the directory; its note has `.txt` behind it.
    public let name: String
    /// Of the file and its note.
    public let bytes: UInt64
  }

  public struct Taken: Sendable, Equatable {
    public let item: Item
    /// What had to go to keep the bound, oldest first. The newest stays even when it alone is past the bound.
    public let dropped: [Item]
  }

  public struct Note: Sendable, Equatable {
    /// As text, in UTC: the clock's word at that moment.
    public var when: String
    public var why: String
    /// What was saved, for example a salvage's report.
    public var saved: String

    public init(when: String, why: String, saved: String) {
      self.when = when
      self.why = why
      self.saved = saved
    }
  }

  public enum Way: Sendable { case moving, copying }

  /// Puts a file away. Durable when it returns: the file is in one of the two directories at every moment. A copy has zeros
  /// where the original could not be read, and its note says so.
  public func take(_ path: String, by way: Way, note: Note) throws(IntegrityError) -> Taken {
    if mkdir(directory, 0o700) == 0 {
      try DurableFile.flushDirectory(of: directory)
    } else if errno != EEXIST {
      throw IntegrityError("mkdir", path: directory)
    }
    let before = try items()
    let number = (before.last?.number ?? 0) + 1
    let digits = String(number)
    let name =
      String(repeating: "0", count: max(0, 6 - digits.count)) + digits + "-" + DurableFile.name(of: path)
    let target = directory + "/" + name
    var unreadable: UInt64 = 0
    switch way {
    case .moving:
      guard rename(path, target) == 0 else { throw IntegrityError("rename", path: path) }
      // Where it came to stand first: after a crash it may be in both, never in neither.
      try DurableFile.flush(directory: directory)
      try DurableFile.flushDirectory(of: path)
    case .copying:
      unreadable = try copy(path, to: target)
    }
    try DurableFile.replace(target + ".txt", with: text(of: note, original: path, way, unreadable: unreadable))
    var dropped: [Item] = []
    var kept = try items()
    while kept.count > 1, kept.reduce(0, { $0 + $1.bytes }) > limitBytes {
      let oldest = kept.removeFirst()
      // The file first, so that a crash leaves a note without a file rather than a file that nobody can explain.
      guard unlink(directory + "/" + oldest.name) == 0 || errno == ENOENT else {
        throw IntegrityError("unlink", path: oldest.name)
      }
      unlink(directory + "/" + oldest.name + ".txt")
      dropped.append(oldest)
    }
    if !dropped.isEmpty { try DurableFile.flush(directory: directory) }
    guard let item = kept.last else { throw IntegrityError("list", path: directory, code: ENOENT) }
    return Taken(item: item, dropped: dropped)
  }

  /// Everything in the directory, oldest first; nothing when it does not exist. Files of other names are none of ours.
  public func items() throws(IntegrityError) -> [Item] {
    guard let handle = opendir(directory) else {
      if errno == ENOENT { return [] }
      throw IntegrityError("list", path: directory)
    }
    defer { closedir(handle) }
    var bytes: [String: UInt64] = [:]
    while let entry = readdir(handle) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard !name.hasSuffix(".tmp"), Quarantine.number(in: name) != nil else { continue }
      var status = stat()
      guard lstat(directory + "/" + name, &status) == 0 else { continue }
      bytes[name.hasSuffix(".txt") ? String(name.dropLast(4)) : name, default: 0] += UInt64(max(0, status.st_size))
    }
    return bytes.compactMap { name, bytes in
      Quarantine.number(in: name).map { Item(number: $0, name: name, bytes: bytes) }
    }.sorted { $0.number < $1.number }
  }

  private static func number(in name: String) -> UInt64? {
    let digits = name.prefix { $0 != "-" }
    guard digits.count >= 6, digits.count < name.count else { return nil }
    return UInt64(digits)
  }

  private func text(of note: Note, original: String, _ way: Way, unreadable: UInt64) -> [UInt8] {
    var lines = [
      "when: \(note.when)", "\(way == .moving ? "moved" : "copied") from: \(original)", "why: \(note.why)",
    ]
    if unreadable > 0 { lines.append("\(unreadable) bytes could not be read and are zeros here") }
    lines.append("saved:\n" + note.saved)
    return Array((lines.joined(separator: "\n") + "\n").utf8)
  }

  /// Gives back how many bytes could not be read.
  private func copy(_ path: String, to target: String) throws(IntegrityError) -> UInt64 {
    let source = try RescueFile(reading: path)
    let descriptor = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw IntegrityError("create", path: target) }
    defer { close(descriptor) }
    var offset: UInt64 = 0
    var unreadable: UInt64 = 0
    let chunk: UInt64 = 256 << 10
    do throws(IntegrityError) {
      while offset < source.length {
        let wanted = Int(min(chunk, source.length - offset))
        if let bytes = try source.bytes(at: offset, count: wanted) {
          try DurableFile.write(bytes, to: descriptor, path: target)
          offset += UInt64(wanted)
          continue
        }
        // Page by page through a place that cannot be read as a whole.
        let page = min(wanted, 4096)
        let bytes = try source.bytes(at: offset, count: page)
        if bytes == nil { unreadable += UInt64(page) }
        try DurableFile.write(bytes ?? [UInt8](repeating: 0, count: page), to: descriptor, path: target)
        offset += UInt64(page)
      }
      guard fsync(descriptor) == 0 else { throw IntegrityError("fsync", path: target) }
      try DurableFile.flush(directory: directory)
    } catch {
      unlink(target)
      throw error
    }
    return unreadable
  }
}
