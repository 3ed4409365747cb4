import Codec

// Damage found while the log is open. Nothing is deleted: what is damaged is kept, what can be read goes on.
extension LogWriter {
  /// Keeps a copy of a sealed segment that is not what was sealed, and rebuilds it from the blocks that can be read.
  func heal(_ first: UInt64, reason: String) throws(LogError) {
    let (info, next) = core.state.withLock { state -> (SegmentInfo?, UInt64?) in
      guard let index = state.segments.dropLast().firstIndex(where: { $0.first == first }) else { return (nil, nil) }
      return (state.segments[index], state.segments[index + 1].first)
    }
    // Retention was faster.
    guard let info, let next else { return }
    let path = core.path(first)
    guard Files.length(path) != nil else { return passOver(first..<next) }
    // Another lane's request was faster, or what was sound once is not any more.
    if core.state.withLock({ $0.verified.contains(first) }), try isReadable(path, first) { return }
    let now = core.now
    // They are those of the damaged file; without any the new one is walked.
    try Files.remove(core.sumsPath(first))
    let rebuilt = try SegmentRescue.rebuild(
      path: path, first: first, bound: next, carried: Segment.Carried(),
      sealedAt: info.totals.isSealed ? info.totals.sealedAt : now, created: now, reason: reason,
      configuration: configuration)
    if !withoutSums.contains(first) { withoutSums.append(first) }
    sealedHere.insert(first)
    changedTotals[first] = rebuilt.totals
    let fileBytes = Files.length(path) ?? 0
    core.state.withLock { state in
      if let index = state.segments.firstIndex(where: { $0.first == first }) {
        state.segments[index] = SegmentInfo(totals: rebuilt.totals, fileBytes: fileBytes)
      }
      state.verified.insert(first)
      state.counters.segmentsQuarantined += 1
      state.counters.blocksDamaged += UInt64(rebuilt.report.damagedBlocks)
    }
    measureOthers()
  }

  private func isReadable(_ path: String, _ first: UInt64) throws(LogError) -> Bool {
    for sums in [core.sumsPath(first), nil] {
      guard try SegmentCheck.damage(path: path, sums: sums) == nil else { return false }
    }
    return (try? Segment.open(path: path, first: first, mode: .readingSealed)) != nil
  }

  /// The file is gone: its rows are missing for everyone who has not had them.
  private func passOver(_ range: Range<UInt64>) {
    goneSegments.append(range.lowerBound)
    core.state.withLock { state in
      state.segments.removeAll { $0.first == range.lowerBound }
      for (name, consumer) in state.consumers {
        var consumer = consumer
        let rows = consumer.record.delivered.undelivered(in: range)
        guard rows > 0, consumer.record.delivered.insert(range) else { continue }
        consumer.record.missingRows += rows
        consumer.isDirty = true
        state.consumers[name] = consumer
      }
    }
    note(trouble: "segments/\(SegmentName.file(range.lowerBound)) is gone: rows \(range) are missing")
  }

  /// Keeps the bytes of a record that is not what was written, once.
  func setAside(_ damaged: SegmentReader.Damaged) {
    let offset = damaged.offsets.lowerBound
    guard setAsideOffsets.insert(offset).inserted else { return }
    count { $0.blocksDamaged += 1 }
    note(trouble: "the block at offset \(offset) is damaged (\(damaged.reason)); its bytes are in quarantine/")
    guard hasRoom(for: damaged.bytes.count) else { return }
    let path = "\(configuration.directory)/block-\(SegmentName.digits(offset)).record"
    do {
      try Files.replace(path, with: damaged.bytes, durable: false)
      try SegmentRescue.quarantine(
        path, by: .moving, reason: damaged.reason, saved: "nothing of this block", configuration: configuration)
    } catch {
      _ = try? Files.remove(path)
      note(trouble: "the block at offset \(offset) is damaged (\(damaged.reason)) and could not be kept: \(error)")
    }
  }
}
