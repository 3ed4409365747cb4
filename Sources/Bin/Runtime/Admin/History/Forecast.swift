/// What the rates of the last minutes come to if they stay: estimates for people, from the history alone.
extension History {
  /// Rates are means over this many points: a minute.
  private static let recentPoints = 6
  /// Growth of the log is taken over this many points: ten minutes.
  private static let growthPoints = 61

  /// Seconds until nothing waits: waiting rows over what is delivered beyond what comes in. 0 when nothing waits, nil when the
  /// backlog does not shrink or the history is too short to tell.
  func drainSeconds(of forwarder: String, waitingRows: UInt64) -> Double? {
    if waitingRows == 0 { return 0 }
    guard let delivered = ring(.rowsPerSecond, of: forwarder).mean(ofLast: History.recentPoints),
      let incoming = ring(.appendedRowsPerSecond).mean(ofLast: History.recentPoints)
    else { return nil }
    let shrinking = delivered - incoming
    // Less than a hundredth of what is delivered is noise: a forwarder that keeps up is not draining.
    guard shrinking > 0, shrinking > delivered / 100 else { return nil }
    return Double(waitingRows) / shrinking
  }

  /// Bytes a second by which the log grew over the last ten minutes, removed segments counted; nil when it did not grow.
  var logGrowth: Double? {
    let values = ring(.logBytes).values.suffix(History.growthPoints)
    guard let first = values.firstIndex(where: { !$0.isNaN }), let last = values.lastIndex(where: { !$0.isNaN }),
      last > first
    else { return nil }
    let growth = Double(values[last] - values[first]) / (Double(last - first) * History.stepSeconds)
    return growth > 0 ? growth : nil
  }

  /// Bytes a second that come into the log over the last hour, whatever leaves it: steps in which segments were removed are left out.
  var logInflow: Double? {
    let values = ring(.logBytes).values
    var grown = 0.0
    var steps = 0
    for (before, after) in zip(values, values.dropFirst()) where after >= before {
      grown += Double(after - before)
      steps += 1
    }
    return grown > 0 ? grown / (Double(steps) * History.stepSeconds) : nil
  }

  /// Seconds until a log of `bytes` reaches `limitBytes` at its present growth; nil when it does not grow.
  func fullSeconds(bytes: UInt64, limitBytes: UInt64) -> Double? {
    logGrowth.map { Double(limitBytes - min(bytes, limitBytes)) / $0 }
  }

  /// How long an outage of every destination the log could take from now on before it is full.
  func outageSeconds(bytes: UInt64, limitBytes: UInt64) -> Double? {
    logInflow.map { Double(limitBytes - min(bytes, limitBytes)) / $0 }
  }
}
