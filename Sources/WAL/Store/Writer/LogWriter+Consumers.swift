// Cursors come to be, are set back, and are forgotten: durably before the answer.
extension LogWriter {
  func createConsumer(_ name: String, base: UInt64) throws(LogError) {
    let wall = configuration.clock.wall().rawValue
    let isNew = core.state.withLock { state in
      guard state.consumers[name] == nil else { return false }
      var consumer = Consumer(record: ConsumerRecord(base: max(base, state.oldest), createdWall: wall))
      consumer.isDirty = true
      state.consumers[name] = consumer
      return true
    }
    guard isNew else { return }
    // A name that was forgotten, and whose removal is not written yet, is in use again.
    forgotten.removeAll { $0 == name }
    guard saveCatalog(), flushCatalog() else {
      core.state.withLock { $0.consumers[name] = nil }
      throw LogError(.storage(code: 5), "\(configuration.catalogPath): cursor \(name) could not be written")
    }
    copyConsumers()
  }

  /// The next generation starts at `base`; what was delivered counts as not delivered from there on.
  func resetConsumer(_ name: String, base: UInt64) throws(LogError) {
    let isThere = core.state.withLock { state in
      guard var consumer = state.consumers[name] else { return false }
      consumer.record.delivered = DeliveredRanges(base: min(max(base, state.oldest), state.end))
      consumer.record.generation += 1
      consumer.settleSent()
      consumer.isDirty = true
      state.consumers[name] = consumer
      return true
    }
    guard isThere else { throw LogError(.misuse, "no consumer is called \(name)") }
    core.wakeReaders()
    guard saveCatalog(), flushCatalog() else {
      throw LogError(.storage(code: 5), "\(configuration.catalogPath): cursor \(name) is reset, but not durably yet")
    }
    copyConsumers()
  }

  func forgetConsumer(_ name: String) throws(LogError) {
    let refusal: String? = core.state.withLock { state in
      guard let consumer = state.consumers[name] else { return "no consumer is called \(name)" }
      guard !consumer.isHeld else { return "consumer \(name) is in use by a running forwarder" }
      state.consumers[name] = nil
      return nil
    }
    if let refusal { throw LogError(.misuse, refusal) }
    forgotten.append(name)
    guard saveCatalog(), flushCatalog() else {
      throw LogError(.storage(code: 5), "\(configuration.catalogPath): \(name) is forgotten, but not durably yet")
    }
    copyConsumers()
  }

  /// Notes, durably, that rows below a bound past `offset` may have been sent.
  func markSent(_ name: String, upTo offset: UInt64, ahead: UInt64) throws(LogError) {
    let bound: UInt64? = core.state.withLock { state in
      guard var consumer = state.consumers[name] else { return nil }
      // Another call may have done it meanwhile.
      guard consumer.durableSentBound < offset else { return consumer.durableSentBound }
      let wanted = offset.addingReportingOverflow(ahead)
      let limit = SegmentName.limitOffset
      let bound = max(consumer.record.sentBound, wanted.overflow ? limit : min(wanted.partialValue, limit))
      consumer.record.sentBound = bound
      consumer.isDirty = true
      state.consumers[name] = consumer
      return bound
    }
    guard let bound else { throw LogError(.misuse, "no consumer is called \(name)") }
    if core.state.withLock({ $0.consumers[name]?.durableSentBound ?? 0 }) >= offset { return }
    guard saveCatalog(), flushCatalog() else {
      throw LogError(
        .storage(code: 5), "\(configuration.catalogPath): the mark of what \(name) sends could not be written")
    }
    // A bound that was taken back meanwhile is not durable any more: the next save writes that.
    let isStanding = core.state.withLock { state in
      guard state.consumers[name]?.record.sentBound == bound else { return false }
      state.consumers[name]?.durableSentBound = bound
      return true
    }
    guard isStanding else { throw LogError(.misuse, "consumer \(name): settled while it was about to send") }
  }

  /// When the log is closed: what a mark covers of rows that were delivered, or that nobody came to send, is no longer open.
  func clipSentMarks() {
    core.state.withLock { state in
      for (name, consumer) in state.consumers where consumer.record.sentBound > 0 {
        var record = consumer.record
        record.sentBound = consumer.sentBefore
        guard record != consumer.record else { continue }
        state.consumers[name]?.record = record
        state.consumers[name]?.isDirty = true
      }
    }
  }

  /// Puts the cursors as they are now into the active segment, for the day on which the catalog is lost: a name that is in no copy
  /// would start anew, and past rows that it had not had. The catalog has them durably already, so that a failure here is no error.
  private func copyConsumers() {
    let records = core.state.withLock { $0.consumers.mapValues(\.record) }
    do throws(LogError) {
      try usingReserve { () throws(LogError) in try active?.note(records) }
    } catch {
      note(trouble: "copy of the cursors: \(error)")
    }
  }
}
