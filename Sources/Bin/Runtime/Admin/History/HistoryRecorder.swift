import ServiceLifecycle

/// Feeds the history: a reading at the start and every ten seconds, until the stop.
struct HistoryRecorder: Service {
  let store: HistoryStore
  /// Must not wait for a network.
  let read: @Sendable () -> HistoryReading

  func run() async throws {
    await cancelWhenGracefulShutdown {
      let start = ContinuousClock.now
      var step = 0
      while (try? await Task.sleep(until: start + .seconds(History.stepSeconds) * step, clock: .continuous)) != nil {
        store.add(read())
        // By the beginning, so that delays do not add up; steps that a suspended machine slept through are passed over.
        step = Int((ContinuousClock.now - start) / .seconds(History.stepSeconds)) + 1
      }
    }
  }
}
