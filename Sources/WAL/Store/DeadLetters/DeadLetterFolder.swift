import Codec
import Glibc
import Model

/// The files in `dead-letters/`: lists, reads, renames and removes them. Used by the log that owns the directory and, beside it, by
/// the command line of another process; every step is one call that the kernel makes at once or not at all.
///
/// Methods block.
struct DeadLetterFolder: Sendable {
  let directory: String

  /// All letters by their names, in the order of their numbers; nothing when the directory is not there. Other files are none of ours.
  func letters() throws(LogError) -> [DeadLetterBound.Letter] {
    let names: [String]
    do throws(LogError) {
      names = try Files.list(directory)
    } catch {
      guard error.kind == .storage(code: ENOENT) else { throw error }
      return []
    }
    // One that was renamed or removed since it was listed has no length.
    return names.compactMap { file in
      guard let name = DeadLetterName(file), let bytes = Files.length(path(name)) else { return nil }
      return DeadLetterBound.Letter(name: name, bytes: bytes)
    }.sorted { $0.name.number < $1.name.number }
  }

  /// The same with their headers; a letter that went meanwhile is left out.
  func items() throws(LogError) -> [DeadLetters.Item] { try letters().compactMap { item($0) } }

  func item(_ letter: DeadLetterBound.Letter) -> DeadLetters.Item? {
    var header: DeadLetterHeader?
    var problem: String?
    do throws(LogError) {
      guard let start = try Files.start(of: path(letter.name), count: DeadLetterHeader.limitBytes) else { return nil }
      do throws(FormatError) {
        let read = try DeadLetterHeader(reading: start)
        header = read
        let (expected, overflows) = read.envelopeBytes.addingReportingOverflow(UInt64(read.byteCount))
        if overflows || expected != UInt64(letter.bytes) {
          problem = "\(letter.bytes) bytes, the header says \(overflows ? .max : expected)"
        }
      } catch {
        problem = error.description
      }
    } catch {
      problem = error.what
    }
    return DeadLetters.Item(name: letter.name, bytes: UInt64(letter.bytes), header: header, problem: problem)
  }

  /// Nil when it is gone; `.damaged` when it is not what was written.
  func read(_ name: DeadLetterName) throws(LogError) -> DeadLetter? {
    guard let bytes = try Files.read(path(name), limitBytes: DeadLetter.limitBytes) else { return nil }
    do throws(FormatError) {
      return try DeadLetter(decoding: bytes)
    } catch {
      throw LogError(.damaged, "\(path(name)): \(error)")
    }
  }

  /// Durable when it returns.
  func write(_ bytes: [UInt8], as name: DeadLetterName) throws(LogError) {
    try Files.replace(path(name), with: bytes)
  }

  /// Durable when it returns; false when there is no `from` any more.
  func rename(_ from: DeadLetterName, to: DeadLetterName) throws(LogError) -> Bool {
    guard Glibc.rename(path(from), path(to)) == 0 else {
      if errno == ENOENT { return false }
      throw LogError.system("rename", path(from))
    }
    try Files.flushDirectory(directory)
    return true
  }

  /// Durable when it returns. Those that were there.
  @discardableResult
  func remove(_ names: [DeadLetterName]) throws(LogError) -> [DeadLetterName] {
    var removed: [DeadLetterName] = []
    for name in names where try Files.remove(path(name)) { removed.append(name) }
    if !removed.isEmpty { try Files.flushDirectory(directory) }
    return removed
  }

  /// Clears away what a crash left half written; only for who has the log's lock.
  func removeTemporaries() throws(LogError) {
    for file in try Files.list(directory) where file.hasSuffix(DeadLetterName.temporarySuffix) {
      try Files.remove("\(directory)/\(file)")
    }
  }

  func path(_ name: DeadLetterName) -> String { "\(directory)/\(name.file)" }
}
