import Codec
import Glibc
import Model
import Synchronization

/// What destinations refused for good, kept in the log's directory: added and sent again by lanes, looked at and marked for sending
/// by people. Bounded to a twentieth of `max_size`; docs/log-format.md describes the files.
///
/// Methods may be called from any task; they block a thread of their own, and throw `.closed` when the log is closed.
public final class DeadLetters: Sendable {
  /// One letter, by its file's name and header.
  public struct Item: Sendable, Equatable {
    let name: DeadLetterName
    public let bytes: UInt64
    /// Nil when it cannot be read.
    public let header: DeadLetterHeader?
    /// Why it is damaged; nil when header and length are what was written.
    public let problem: String?

    public var number: UInt64 { name.number }
    public var file: String { name.file }
    /// Somebody asked for it to be sent again.
    public var isMarkedForRedrive: Bool { name.state == .redrive }
    /// Who gets it then. Of a name too long for a file's name and of a letter that is damaged the start.
    public var consumer: String {
      if let whole = name.consumer { return whole }
      guard let header, DeadLetterName.address(of: header.consumer) == name.address else { return name.address }
      return header.consumer
    }
  }

  public struct Added: Sendable, Equatable {
    public let item: Item
    /// What had to go to keep the bound, oldest first.
    public let dropped: [Item]
  }

  /// What the directory looked like: while it is the same, no letter came, went or was marked.
  public struct Stamp: Sendable, Equatable {
    fileprivate let inode: UInt64
    fileprivate let modified: [Int]
  }

  let folder: DeadLetterFolder
  private let core: LogCore
  private let thread = SerialThread("wal-letters")
  /// The last number that was given while this log is open.
  private let lastNumber = Mutex<UInt64>(0)

  init(core: LogCore) {
    self.core = core
    folder = DeadLetterFolder(directory: core.configuration.deadLettersDirectory)
  }

  private var limits: DeadLetterBound.Limits { .init(bytes: core.configuration.deadLettersLimitBytes) }

  // MARK: - Adding

  /// Keeps blocks that `consumer` could not deliver. Durable when it returns; the rows may then be acknowledged.
  ///
  /// `attempts`: how often they were sent. Throws an error that `isFull` when there is no room for it, by `max_size` or on the disk
  /// (trying again may help), and `.refused` for one that would take more than a quarter of `max_size` (it never does).
  public func add(
    consumer: String, generation: UInt64, blocks: [TabledBlock], reason: String, attempts: Int
  ) async throws(LogError) -> Added {
    guard (1...DeadLetterHeader.limitConsumerBytes).contains(consumer.utf8.count), !blocks.isEmpty else {
      throw LogError(.misuse, "dead letter of “\(consumer)” with \(blocks.count) blocks: needs a name and a block")
    }
    let letter: (header: DeadLetterHeader, bytes: [UInt8])
    do throws(FormatError) {
      letter = try DeadLetter.encode(
        consumer: consumer, generation: generation, blocks: blocks, reason: reason,
        attempts: UInt32(clamping: attempts), refused: core.configuration.clock.wall())
    } catch {
      throw LogError(.refused, "dead letter of \(consumer): \(error)")
    }
    let bytes = letter.bytes
    let most = min(DeadLetter.limitBytes, core.configuration.maxSizeBytes / 4)
    guard bytes.count <= most else {
      throw LogError(.refused, "dead letter of \(consumer): \(bytes.count) bytes, at most \(most)")
    }
    let leaving = try await run { (letters) throws(LogError) in
      try letters.leaving(for: bytes.count).reduce(0) { $0 + $1.bytes }
    }
    let more = bytes.count - leaving
    if more > 0, !core.hasRoom(forLetter: more) {
      guard try await core.ask({ Command.makeRoom(forLetter: more, $0) }) else {
        throw LogError(
          .storage(code: ENOSPC),
          "\(folder.directory): no room for a dead letter of \(bytes.count) bytes; tried again it may fit")
      }
    }
    return try await run { (letters) throws(LogError) in try letters.store(letter.header, bytes) }
  }

  private func leaving(for bytes: Int) throws(LogError) -> [DeadLetterBound.Letter] {
    DeadLetterBound.leaving(try folder.letters(), adding: bytes, limits: limits) {
      folder.item($0).map { $0.problem == nil } ?? true
    }
  }

  private func store(_ header: DeadLetterHeader, _ bytes: [UInt8]) throws(LogError) -> Added {
    let last = try folder.letters().last?.name.number ?? 0
    let number = lastNumber.withLock { known in
      known = max(known, last) + 1
      return known
    }
    let name = DeadLetterName(number: number, consumer: header.consumer, state: .letter)
    let leaving = try leaving(for: bytes.count)
    var dropped: [Item] = []
    do throws(LogError) {
      try write(bytes, as: name)
      dropped = drop(leaving)
    } catch {
      guard error.isFull, !leaving.isEmpty else { throw error }
      // What would go anyway makes the room.
      dropped = drop(leaving)
      try write(bytes, as: name)
    }
    core.state.withLock { $0.counters.deadLettersAdded += 1 }
    return Added(
      item: Item(name: name, bytes: UInt64(bytes.count), header: header, problem: nil), dropped: dropped)
  }

  private func write(_ bytes: [UInt8], as name: DeadLetterName) throws(LogError) {
    // The log's own reserve comes first: where it was given away, its room is not ours.
    if core.configuration.keepsReserve, !core.configuration.reserve.exists,
      let free = Files.freeBytes(folder.directory), free < bytes.count + core.configuration.reserve.byteCount
    {
      throw LogError(
        .storage(code: ENOSPC), "\(folder.directory): \(free) bytes are free, which the log needs for itself")
    }
    try folder.write(bytes, as: name)
    core.note(letters: 1, bytes: bytes.count)
  }

  /// Those that went. One that cannot be removed stays, and is tried again with the next letter.
  private func drop(_ letters: [DeadLetterBound.Letter]) -> [Item] {
    let items = letters.compactMap { folder.item($0) }
    let gone = (try? folder.remove(items.map(\.name))) ?? []
    let dropped = items.filter { gone.contains($0.name) }
    for item in dropped { core.note(letters: -1, bytes: -Int(item.bytes)) }
    core.state.withLock { state in
      state.counters.deadLettersDropped += UInt64(dropped.count)
      state.counters.deadLetterRowsDropped += dropped.reduce(0) { $0 &+ ($1.header?.rows ?? 0) }
    }
    return dropped
  }

  // MARK: - Looking

  /// All letters, oldest first. Headers and lengths are checked, blocks are not.
  public func items() async throws(LogError) -> [Item] {
    try await run { (letters) throws(LogError) in try letters.folder.items() }
  }

  /// The whole letter; nil when it is gone, or was marked meanwhile. Throws `.damaged` when its bytes are not what was written: trying
  /// again does not help, `putBack` takes the mark off it.
  public func read(_ item: Item) async throws(LogError) -> DeadLetter? {
    try await run { (letters) throws(LogError) in try letters.folder.read(item.name) }
  }

  /// Letters that somebody wants `consumer` to send again, oldest first. Damaged ones are left out.
  public func redriven(for consumer: String) async throws(LogError) -> [Item] {
    let address = DeadLetterName.address(of: consumer)
    return try await run { (letters) throws(LogError) in
      try letters.folder.letters().filter { $0.name.state == .redrive && $0.name.address == address }
        .compactMap { letters.folder.item($0) }.filter { $0.problem == nil }
    }
  }

  /// What the directory looks like now, by one call to the system. Take it, compare it with the one of the last look, then look. Nil when
  /// it was changed within the last second, in which its clock may not tell two changes apart: look, then.
  public func stamp() -> Stamp? {
    var status = stat()
    var now = timespec()
    guard stat(folder.directory, &status) == 0, clock_gettime(CLOCK_REALTIME, &now) == 0,
      abs(now.tv_sec - status.st_mtim.tv_sec) > 1
    else { return nil }
    return Stamp(
      inode: UInt64(status.st_ino),
      modified: [
        status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
      ])
  }

  // MARK: - After a redrive

  /// Removes a letter that was delivered, or that nobody wants any more; durable when it returns. False when it was gone.
  @discardableResult
  public func remove(_ item: Item) async throws(LogError) -> Bool {
    try await run { (letters) throws(LogError) in
      guard try !letters.folder.remove([item.name]).isEmpty else { return false }
      letters.core.note(letters: -1, bytes: -Int(item.bytes))
      return true
    }
  }

  /// Takes the mark off a letter that was refused again: one attempt more, the new reason. Durable when it returns; nil when it is gone.
  ///
  /// On a full disk, and for a header that cannot be read, only the mark is taken off: a letter is never tried for ever.
  public func putBack(_ item: Item, reason: String) async throws(LogError) -> Item? {
    let now = core.configuration.clock.wall()
    return try await run { (letters) throws(LogError) in
      let folder = letters.folder
      let name = item.name.with(.letter)
      if let bytes = (try? Files.read(folder.path(item.name), limitBytes: DeadLetter.limitBytes)) ?? nil,
        let header = try? DeadLetterHeader(reading: bytes)
      {
        let again = header.refusedAgain(at: now, reason: reason).encoded() + bytes[header.byteCount...]
        do throws(LogError) {
          // Over the marked file first: at every moment there is one file of this number, and a crash in between is one attempt more. A
          // letter that somebody discards between reading and writing it comes back once.
          try folder.write(again, as: item.name)
          letters.core.note(letters: 0, bytes: again.count - bytes.count)
        } catch {
          guard error.isFull else { throw error }
        }
      }
      if item.name != name, try !folder.rename(item.name, to: name) { return nil }
      return Files.length(folder.path(name)).flatMap { folder.item(.init(name: name, bytes: $0)) }
    }
  }

  /// Runs `body` on the letters' thread, with the files held against being measured half way.
  private func run<R: Sendable>(
    _ body: @escaping @Sendable (DeadLetters) throws(LogError) -> R
  ) async throws(LogError) -> R {
    try await thread.run { [self] () throws(LogError) in
      guard core.state.withLock({ $0.phase == .open }) else { throw core.closedError }
      let result = core.letterFiles.withLock { _ in
        do throws(LogError) {
          return Result<R, LogError>.success(try body(self))
        } catch {
          return .failure(error)
        }
      }
      return try result.get()
    }
  }
}
