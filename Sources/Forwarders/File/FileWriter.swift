import Codec
import Glibc
import Model

/// Writes lines into files so that after a crash at any instant none is there twice and none is missing.
///
/// What has been written counts from the moment when the state file says so; the order of the steps makes that so:
///
/// 1. A new file `<name>.part` is created, and the directory flushed, before any state names it.
/// 2. Lines are appended and flushed. Behind the recorded length they count for nothing.
/// 3. The state with the new length and the rows' numbers is written beside the old one, flushed, renamed over it, and the directory flushed. From the
///    rename on the rows are there; a delivery that comes again because its answer was lost is recognised by their numbers.
/// 4. A finished file loses its `.part`, the directory is flushed, and only then a state says that there is no unfinished file.
///
/// Opening reads the state, cuts the unfinished file back to the recorded length, removes unfinished files that no state names (what is in them was
/// never recorded, so it comes again), and notices that a file was finished but not yet recorded as that. After any error the
/// writer lets go of everything and the next call opens anew, so that there is one way back and it is the one of a crash.
struct FileWriter<Entries: Directory>: ~Copyable {
  /// What one `deliver` has done.
  enum Written: Equatable {
    case written
    /// Every row was there before.
    case nothingNew
  }

  private let configuration: FileForwarderConfiguration
  private let makeDirectory: () throws(DirectoryError) -> Entries
  private let now: () -> UnixMilliseconds
  private let opener: BlockOpener
  private let frames: ZstdFrames
  private var lines: JSONLines
  private var opened: Opened?
  private(set) var counters = FileForwarderCounters()

  private struct Opened {
    let directory: Entries
    var state: FileState
    /// The unfinished file, once it is needed.
    var file: Entries.File?
  }

  init(
    _ configuration: FileForwarderConfiguration, now: @escaping () -> UnixMilliseconds,
    directory: @escaping () throws(DirectoryError) -> Entries
  ) throws(FormatError) {
    let opener = try BlockOpener()
    let frames = try ZstdFrames()
    self.configuration = configuration
    self.now = now
    self.makeDirectory = directory
    self.opener = opener
    self.frames = frames
    lines = JSONLines(cacheBytes: configuration.labelCacheBytes)
  }

  deinit {
    if let opened, let file = opened.file { opened.directory.close(file) }
  }

  private var suffix: String { configuration.zstd ? ".ndjson.zst" : ".ndjson" }

  /// Writes the rows of the blocks that are not there yet. Throws `DirectoryError` when the disk refuses, `FormatError` when a block cannot be read; in
  /// both cases nothing of this delivery counts.
  mutating func deliver(_ delivery: Delivery) throws -> Written {
    do {
      try open()
      let written = try append(delivery)
      // The rows are there whatever becomes of the rotation, which is tried again with the next call.
      try? rotateIfDue()
      return written
    } catch {
      abandon()
      throw error
    }
  }

  /// Finishes the unfinished file when it is large or old enough.
  mutating func rotateIfDue() throws(DirectoryError) {
    do throws(DirectoryError) {
      try open()
      guard let part = opened?.state.part else { return }
      let age = now().rawValue - part.started.rawValue
      guard part.length >= configuration.rotateBytes || age >= configuration.rotateAfter.milliseconds else { return }
      try rotate(part)
    } catch {
      abandon()
      throw error
    }
  }

  /// Lets go of the directory. The unfinished file stays unfinished and is continued at the next start.
  mutating func close() { abandon() }

  private mutating func abandon() {
    guard let opened else { return }
    // What does not count is cut off at the next opening and not here: when the state was renamed and only the flush after it failed, the state on
    // the disk says more than the one in memory.
    if let file = opened.file { opened.directory.close(file) }
    self.opened = nil
    lines.discard()
  }
}

// Opening.
extension FileWriter {
  private mutating func open() throws(DirectoryError) {
    guard opened == nil else { return }
    let directory = try makeDirectory()
    // A state that was renamed but not flushed yet is made durable before anything is built on it.
    try directory.sync()
    var state = try readState(directory)
    let recorded = state != nil
    var fresh = state ?? FileState()
    try settleParts(directory, &fresh, recorded: recorded)
    if fresh != state {
      try write(fresh, directory)
      state = fresh
    }
    opened = Opened(directory: directory, state: fresh, file: nil)
    if let part = fresh.part { try cutBack(directory, part) }
  }

  private mutating func readState(_ directory: Entries) throws(DirectoryError) -> FileState? {
    if try directory.size(FileState.temporaryName) != nil { try directory.remove(FileState.temporaryName) }
    guard let bytes = try directory.read(FileState.name, limitBytes: FileState.limitBytes) else { return nil }
    if let state = FileState(bytes) { return state }
    try setAside(FileState.name, directory)
    return nil
  }

  /// Leaves no unfinished file but the one that the state names.
  private mutating func settleParts(
    _ directory: Entries, _ state: inout FileState, recorded: Bool
  ) throws(DirectoryError) {
    for name in try directory.names() where name.hasPrefix("clymene-") && name.hasSuffix(".part") {
      guard state.part.map({ $0.name + ".part" }) != name else { continue }
      if recorded {
        let size = try directory.size(name) ?? 0
        try directory.remove(name)
        counters.cutBytes += UInt64(size)
      } else if try directory.size(name) == 0 {
        try directory.remove(name)
      } else {
        // There is lost state, so nobody knows what of this was delivered.
        try setAside(name, directory)
      }
    }
    guard let part = state.part else { return }
    let size = try directory.size(part.name + ".part")
    if size == nil {
      // It was finished, and the crash came before that was recorded. Or somebody has taken it away.
      state.part = nil
    } else if let size, size < part.length {
      // Rows that were recorded are gone, and nothing says which. Rather a row twice, once in what is set aside, than not at all.
      try setAside(part.name + ".part", directory)
      state.part = nil
      state.known = KnownRows()
    }
  }

  private mutating func cutBack(_ directory: Entries, _ part: FileState.Part) throws(DirectoryError) {
    let file = try directory.open(part.name + ".part")
    opened?.file = file
    let size = try directory.size(part.name + ".part") ?? 0
    guard size > part.length else { return }
    try directory.truncate(file, to: part.length)
    counters.cutBytes += UInt64(size - part.length)
  }

  /// Never deletes what it does not understand.
  private mutating func setAside(_ name: String, _ directory: Entries) throws(DirectoryError) {
    var target = name + ".set-aside"
    var number = 1
    while try directory.size(target) != nil {
      number += 1
      target = "\(name).set-aside-\(number)"
    }
    try directory.rename(name, to: target)
    try directory.sync()
    counters.setAside += 1
  }
}

// Writing.
extension FileWriter {
  private mutating func append(_ delivery: Delivery) throws -> Written {
    guard var opened else { return .nothingNew }
    var state = opened.state
    // The cursor was reset on purpose: what was written for it before does not count as there.
    if delivery.generation > state.generation { state.known = KnownRows() }
    state.generation = delivery.generation

    // Parts of one row have one sequence, which says nothing then.
    let isKnown = !delivery.mayHoldPartsOfRows
    let wanted = delivery.blocks.filter { block in
      guard isKnown else { return true }
      let header = block.block.header
      return !SequenceRuns.without(state.known[header.origin], in: header.sequences).isEmpty
    }
    guard !wanted.isEmpty else { return .nothingNew }

    // A file that is old or large is finished first; an empty one is not begun for nothing.
    try rotateIfDue()
    opened = try current()
    state.part = opened.state.part
    state.counter = opened.state.counter
    let directory = opened.directory
    if state.part == nil {
      let part = try begin(&state, directory)
      state.part = part
      opened.file = try directory.create(part.name + ".part")
      self.opened = opened
      try directory.sync()
    }
    guard let file = opened.file, var part = state.part else { return .nothingNew }

    var added = 0
    let compress = configuration.zstd
    for tabled in wanted {
      let header = tabled.block.header
      let block = try opener.open(tabled.block)
      let tables = try block.resolve(tabled.tables)
      let known = isKnown ? state.known[header.origin] : []
      try lines.write(block, tables, without: known) { piece in
        let bytes = compress ? try frames.frame(piece) : piece
        try directory.append(bytes, to: file)
        added += bytes.count
      }
      if isKnown { state.known.add(header.sequences, of: header.origin) }
    }
    try lines.finish { piece in
      let bytes = compress ? try frames.frame(piece) : piece
      try directory.append(bytes, to: file)
      added += bytes.count
    }
    try directory.sync(file)
    part.length += added
    state.part = part
    try write(state, directory)
    self.opened?.state = state
    counters.lines += UInt64(lines.lineCount)
    counters.bytes += UInt64(added)
    lines.discard()
    return .written
  }

  private func current() throws(DirectoryError) -> Opened {
    guard let opened else { throw DirectoryError(code: EIO, description: "the directory is not open") }
    return opened
  }

  /// A name that neither an unfinished nor a finished file has.
  private func begin(_ state: inout FileState, _ directory: Entries) throws(DirectoryError) -> FileState.Part {
    let start = now()
    while true {
      let name = "clymene-\(UTCText.compact(start))-\(UTCText.padded(state.counter, 6))\(suffix)"
      state.counter += 1
      if try directory.size(name) == nil, try directory.size(name + ".part") == nil {
        return FileState.Part(name: name, length: 0, started: start)
      }
    }
  }

  private mutating func rotate(_ part: FileState.Part) throws(DirectoryError) {
    guard var opened else { return }
    if let file = opened.file { opened.directory.close(file) }
    opened.file = nil
    self.opened = opened
    try opened.directory.rename(part.name + ".part", to: part.name)
    try opened.directory.sync()
    var state = opened.state
    state.part = nil
    try write(state, opened.directory)
    self.opened?.state = state
    counters.finishedFiles += 1
  }

  private func write(_ state: FileState, _ directory: Entries) throws(DirectoryError) {
    if try directory.size(FileState.temporaryName) != nil { try directory.remove(FileState.temporaryName) }
    let file = try directory.create(FileState.temporaryName)
    defer { directory.close(file) }
    try directory.append(state.encoded(), to: file)
    try directory.sync(file)
    try directory.rename(FileState.temporaryName, to: FileState.name)
    try directory.sync()
  }
}
