import Codec
import Logging
import Model

// What a lane counts, learns and says.
extension Lane {
  /// Counts an answer, learns from it, and says what has changed. `allowed` are the bytes that were taken from the allowance beforehand.
  func note(_ answer: Answer, entries: Int, allowed: Double, _ step: RequestDecision.Step) {
    let now = wallClock()
    let (before, after) = state.withLock { state in
      let before = state.counters
      state.bytes?.spend(Double(answer.sentBytes) - allowed)
      state.counters.note(answer, step, at: now)
      if answer.isFromDestination {
        switch answer.outcome {
        case .delivered, .alreadyThere: state.size.delivered(entries: entries, sentBytes: answer.sentBytes)
        case .tooLarge: state.size.tooLarge(entries: entries)
        case .retry, .misconfigured, .refused, .conflict: break
        }
      }
      return (before, state.counters)
    }
    log(from: before, to: after)
  }

  func noteReadError(_ reason: String) {
    let now = wallClock()
    let (before, after) = state.withLock { state in
      let before = state.counters
      state.counters.readErrors += 1
      state.counters.failuresInARow += 1
      state.counters.lastError = "reading the log: \(reason)"
      state.counters.lastErrorAt = now
      return (before, state.counters)
    }
    log(from: before, to: after)
  }

  func noteLetter(_ letter: RefusedRows, _ dropped: DroppedLetters) {
    let now = wallClock()
    let isSaid = state.withLock { state in
      state.counters.deadLetterRows += letter.rows
      // Once a minute is enough to wake somebody.
      if let last = state.lastLetterNote, abs(now.rawValue &- last.rawValue) < 60_000 { return false }
      state.lastLetterNote = now
      return true
    }
    if dropped.letters > 0 {
      logger.error(
        "\(dropped.letters) dead letters with \(dropped.rows) rows had to go: their folder is full",
        metadata: ["forwarder": "\(name)"])
    }
    guard isSaid else { return }
    logger.error(
      "\(letter.rows) rows were refused for good and are dead letters now (clymene wal dead-letters list): \(letter.reason)",
      metadata: ["forwarder": "\(name)"])
  }

  /// The empty text says that all is well. The same is said once.
  func noteLetterTrouble(_ text: String) {
    let now = wallClock()
    let isNew = state.withLock { state in
      defer { state.letterTrouble = text }
      guard !text.isEmpty, state.letterTrouble != text else { return false }
      state.counters.lastError = "the dead letters: \(text)"
      state.counters.lastErrorAt = now
      return true
    }
    if isNew { logger.error("the dead letters: \(text)", metadata: ["forwarder": "\(name)"]) }
  }

  /// Says each change once; a destination that stays away does not fill the log.
  private func log(from before: LaneCounters, to after: LaneCounters) {
    if let alarm = after.alarm, before.alarm != alarm {
      logger.error("held until somebody helps: \(alarm)", metadata: ["forwarder": "\(name)"])
    } else if before.failuresInARow == 0, after.failuresInARow > 0 {
      logger.warning(
        "does not get through, trying on: \(after.lastError ?? "")", metadata: ["forwarder": "\(name)"])
    } else if before.failuresInARow > 0, after.failuresInARow == 0 {
      logger.info(
        "gets through again after \(before.failuresInARow) failed requests", metadata: ["forwarder": "\(name)"])
    }
  }
}
