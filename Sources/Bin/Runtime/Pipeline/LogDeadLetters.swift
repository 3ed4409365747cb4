import Codec
import HTTP
import Synchronization
import WAL

/// The log's dead letters as one lane sees them.
final class LogDeadLetters: DeadLetterBox {
  private let letters: DeadLetters
  private let consumer: String
  private let secrets: SecretTexts
  private let state = Mutex(State())

  private struct State {
    /// What the last look found, by number: what the lane may speak of.
    var items: [UInt64: DeadLetters.Item] = [:]
    /// What the folder looked like then.
    var stamp: DeadLetters.Stamp?
  }

  /// Of letters that are sent again at the same time.
  private static let limitBytes: UInt64 = 8 << 20

  /// What is in `secrets` is kept with no letter: a destination's words stay on the disk for long.
  init(_ letters: DeadLetters, consumer: String, hiding secrets: SecretTexts) {
    self.secrets = secrets
    self.letters = letters
    self.consumer = consumer
  }

  func add(_ letter: RefusedRows) async throws -> DroppedLetters {
    do throws(LogError) {
      let added = try await letters.add(
        consumer: consumer, generation: letter.generation, blocks: letter.blocks,
        reason: secrets.hide(letter.reason), attempts: 1)
      return DroppedLetters(
        letters: added.dropped.count,
        rows: added.dropped.reduce(0) { $0 + Int(clamping: $1.header?.rows ?? 0) })
    } catch {
      guard error.kind == .refused else { throw error }
      throw LetterTooLarge(reason: "\(error)")
    }
  }

  func redriven() async throws -> [RedrivenLetter] {
    let stamp = letters.stamp()
    if let stamp, state.withLock({ $0.stamp == stamp }) { return [] }
    var found: [RedrivenLetter] = []
    let items = try await letters.redriven(for: consumer)
    var bytes: UInt64 = 0
    for item in items {
      // The others come with the next look.
      if !found.isEmpty, bytes + item.bytes > Self.limitBytes { break }
      bytes += item.bytes
      do throws(LogError) {
        guard let letter = try await letters.read(item) else { continue }
        found.append(RedrivenLetter(number: item.number, blocks: letter.tabled))
      } catch {
        guard error.kind == .damaged else { throw error }
        _ = try await letters.putBack(item, reason: "cannot be sent again: \(error)")
      }
    }
    state.withLock { state in
      // Seen once more next time while there is something to do: a letter that was left behind comes again.
      state.stamp = items.isEmpty ? stamp : nil
      state.items = Dictionary(items.map { ($0.number, $0) }) { first, _ in first }
    }
    return found
  }

  func remove(_ number: UInt64) async throws {
    guard let item = state.withLock({ $0.items[number] }) else { return }
    try await letters.remove(item)
  }

  func putBack(_ number: UInt64, reason: String) async throws {
    guard let item = state.withLock({ $0.items[number] }) else { return }
    _ = try await letters.putBack(item, reason: secrets.hide(reason))
  }
}
