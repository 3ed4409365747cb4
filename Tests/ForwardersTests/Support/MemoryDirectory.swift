import Glibc
import Model
import Synchronization

@testable import Forwarders

/// A directory in memory that can fail or lose its power before, within, or after any step, and that keeps what was not flushed only as luck
/// has it.
final class MemoryDirectory: Directory {
  /// What is to happen at the step with this number, counted from 1 over all changing steps.
  enum Fault: Sendable, Equatable {
    /// The process or the machine ends: this and every later step fail.
    case end
    /// The step fails once, a write after some of its bytes.
    case error(Int32)
  }

  private struct Content {
    var now: [UInt8] = []
    var durable: [UInt8] = []
  }

  private enum Change {
    case set(String, Int)
    case remove(String)
    /// Both or neither, as file systems with a journal promise.
    case rename(String, String, Int)
  }

  private struct State {
    var files: [Content] = []
    var entries: [String: Int] = [:]
    var durableEntries: [String: Int] = [:]
    var pending: [Change] = []
    var steps = 0
    var faults: [Int: Fault] = [:]
    var ended = false
  }

  private let state: Mutex<State>

  init(faults: [Int: Fault] = [:]) { state = Mutex(State(faults: faults)) }

  private init(_ files: [(String, [UInt8])], faults: [Int: Fault]) {
    var fresh = State(faults: faults)
    for (name, bytes) in files {
      fresh.entries[name] = fresh.files.count
      fresh.files.append(Content(now: bytes, durable: bytes))
    }
    fresh.durableEntries = fresh.entries
    state = Mutex(fresh)
  }

  var steps: Int { state.withLock { $0.steps } }
  var hasEnded: Bool { state.withLock { $0.ended } }

  /// All files by name.
  var contents: [String: [UInt8]] {
    state.withLock { state in state.entries.mapValues { state.files[$0].now } }
  }

  func put(_ name: String, _ bytes: [UInt8]) {
    state.withLock { state in
      state.entries[name] = state.files.count
      state.durableEntries[name] = state.files.count
      state.files.append(Content(now: bytes, durable: bytes))
    }
  }

  func take(_ name: String) {
    state.withLock { state in
      state.entries[name] = nil
      state.durableEntries[name] = nil
    }
  }

  /// The directory as the next process finds it after `kill -9`: everything that was written is there, but what was not flushed still is not.
  func afterKill(faults: [Int: Fault] = [:]) -> MemoryDirectory {
    var next = state.withLock { $0 }
    next.steps = 0
    next.faults = faults
    next.ended = false
    return MemoryDirectory(next)
  }

  private init(_ state: State) { self.state = Mutex(state) }

  /// The directory as the machine finds it after a power cut: what was not flushed is there whole, in part, or not at all.
  func afterPowerCut(_ luck: inout some RandomNumberGenerator, faults: [Int: Fault] = [:]) -> MemoryDirectory {
    let files = state.withLock { state in
      var entries = state.durableEntries
      for change in state.pending where Bool.random(using: &luck) {
        switch change {
        case .set(let name, let file): entries[name] = file
        case .remove(let name): entries[name] = nil
        case .rename(let name, let new, let file):
          entries[name] = nil
          entries[new] = file
        }
      }
      return entries.map { ($0.key, Self.survivor(state.files[$0.value], &luck)) }
    }
    return MemoryDirectory(files, faults: faults)
  }

  private static func survivor(_ content: Content, _ luck: inout some RandomNumberGenerator) -> [UInt8] {
    guard content.now != content.durable else { return content.durable }
    if content.now.count < content.durable.count { return Bool.random(using: &luck) ? content.now : content.durable }
    var bytes = Array(content.now.prefix(Int.random(in: content.durable.count...content.now.count, using: &luck)))
    // The length may be there before the bytes are.
    if Bool.random(using: &luck), bytes.count > content.durable.count {
      for at in Int.random(in: content.durable.count..<bytes.count, using: &luck)..<bytes.count { bytes[at] = 0 }
    }
    return bytes
  }

  private static let endOfTheWorld = DirectoryError(code: EIO, description: "the world has ended")

  private func step<Answer>(
    _ change: (inout State) -> Answer, onFault partial: (inout State) -> Void = { _ in }
  ) throws(DirectoryError) -> Answer {
    let result: Result<Answer, DirectoryError> = state.withLock { state in
      guard !state.ended else { return .failure(Self.endOfTheWorld) }
      state.steps += 1
      switch state.faults[state.steps] {
      case nil: return .success(change(&state))
      case .end:
        partial(&state)
        state.ended = true
        return .failure(Self.endOfTheWorld)
      case .error(let code):
        partial(&state)
        return .failure(DirectoryError(code: code, description: String(cString: strerror(code))))
      }
    }
    return try result.get()
  }

  private func look<Answer>(_ body: (State) -> Answer) throws(DirectoryError) -> Answer {
    let answer: Answer? = state.withLock { $0.ended ? nil : body($0) }
    guard let answer else { throw Self.endOfTheWorld }
    return answer
  }

  func names() throws(DirectoryError) -> [String] { try look { Array($0.entries.keys) } }

  func size(_ name: String) throws(DirectoryError) -> Int? {
    try look { state in state.entries[name].map { state.files[$0].now.count } }
  }

  func read(_ name: String, limitBytes: Int) throws(DirectoryError) -> [UInt8]? {
    try look { state in state.entries[name].map { Array(state.files[$0].now.prefix(limitBytes)) } }
  }

  func create(_ name: String) throws(DirectoryError) -> Int {
    guard try size(name) == nil else { throw DirectoryError(code: EEXIST, description: "\(name) is there") }
    return try step { state in
      state.files.append(Content())
      state.entries[name] = state.files.count - 1
      state.pending.append(.set(name, state.files.count - 1))
      return state.files.count - 1
    }
  }

  func open(_ name: String) throws(DirectoryError) -> Int {
    guard let file = try look({ $0.entries[name] }) else {
      throw DirectoryError(code: ENOENT, description: "\(name) is not there")
    }
    return file
  }

  func append(_ bytes: [UInt8], to file: Int) throws(DirectoryError) {
    try step {
      $0.files[file].now += bytes
    } onFault: { state in
      // A write that fails or is cut off may have written some of it.
      state.files[file].now += bytes.prefix(state.steps * 7 % (bytes.count + 1))
    }
  }

  func truncate(_ file: Int, to length: Int) throws(DirectoryError) {
    try step { state in
      state.files[file].now.removeLast(max(0, state.files[file].now.count - length))
    }
  }

  func sync(_ file: Int) throws(DirectoryError) {
    try step { $0.files[file].durable = $0.files[file].now }
  }

  func close(_ file: Int) {}

  func rename(_ name: String, to new: String) throws(DirectoryError) {
    try step { state in
      guard let file = state.entries.removeValue(forKey: name) else { return }
      state.entries[new] = file
      state.pending.append(.rename(name, new, file))
    }
  }

  func remove(_ name: String) throws(DirectoryError) {
    try step { state in
      state.entries[name] = nil
      state.pending.append(.remove(name))
    }
  }

  func sync() throws(DirectoryError) {
    try step { state in
      state.durableEntries = state.entries
      state.pending = []
    }
  }
}
