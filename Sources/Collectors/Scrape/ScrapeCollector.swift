import Codec
import Glibc
import HTTP
import Model
import Synchronization

/// Scrapes targets, each at its own fixed offset within its interval, and hands every scrape to the log as rows.
///
/// A scrape that the log does not take is dropped and counted: the next one comes anyway. `apply` changes the targets while it
/// runs; what stays the same goes on undisturbed, and the series of a target that is gone end with staleness markers. So do all series at the
/// stop, where their jobs want it; `run` returns when the sink has taken those markers.
public final class ScrapeCollector: Collector {
  private struct Key: Hashable {
    let identity: TargetIdentity
    let tenant: Tenant
  }

  private struct Entry {
    let job: ScrapeJob
    var status: ScrapeTargetStatus
    /// Ends the target's loop; set while it runs.
    var stop: AsyncStream<Ending>.Continuation?
    /// Counts the loops that a key has had, so that one that ends late does not touch its successor.
    let run: UInt64
  }

  private enum Ending: Sendable {
    /// The target is scraped no more, so its series end.
    case gone
    /// The same target is scraped by another loop from now on, with other settings.
    case replaced
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var order: [Key] = []
    var counters = ScrapeCounters()
    var jobs: [String: ScrapeJobCounters] = [:]
    var runs: UInt64 = 0
    var changed: AsyncStream<Void>.Continuation?
  }

  private let state = Mutex(State())
  private let http: HTTPSessions
  private let userAgent: String
  private let now: @Sendable () -> UnixMilliseconds

  /// `now` is the wall clock, which gives the samples their time.
  public init(
    jobs: [ScrapeJob], http: HTTPSessions, userAgent: String = "clymene",
    now: @escaping @Sendable () -> UnixMilliseconds = ScrapeCollector.wallClock
  ) {
    self.http = http
    self.userAgent = userAgent
    self.now = now
    apply(jobs)
  }

  public static let wallClock: @Sendable () -> UnixMilliseconds = {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UnixMilliseconds(Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// These are the jobs from now on. Of two targets that are the same in URL, job, labels and tenant the first stays.
  public func apply(_ jobs: [ScrapeJob]) {
    let (ended, changed) = state.withLock { state in
      var entries: [Key: Entry] = [:]
      var order: [Key] = []
      for job in jobs {
        for target in job.targets {
          let identity = TargetIdentity(target, of: job)
          let key = Key(identity: identity, tenant: job.tenant)
          guard entries[key] == nil else { continue }
          var settings = job
          settings.targets = []
          settings.interval = target.interval ?? job.interval
          settings.timeout = target.timeout ?? job.timeout
          if let entry = state.entries[key], entry.job == settings {
            entries[key] = entry
          } else {
            state.runs += 1
            let status = ScrapeTargetStatus(
              job: job.name, url: identity.shownURL, labels: identity.labels, interval: settings.interval)
            entries[key] = Entry(job: settings, status: status, run: state.runs)
          }
          order.append(key)
        }
      }
      var ended: [(AsyncStream<Ending>.Continuation, Ending)] = []
      for (key, entry) in state.entries where entries[key]?.run != entry.run {
        if let stop = entry.stop { ended.append((stop, entries[key] == nil ? .gone : .replaced)) }
      }
      state.entries = entries
      state.order = order
      let names = Set(jobs.map(\.name))
      state.jobs = state.jobs.filter { names.contains($0.key) }
      return (ended, state.changed)
    }
    for (loop, ending) in ended { loop.yield(ending) }
    changed?.yield()
  }

  /// In the order of the configuration.
  public var targets: [ScrapeTargetStatus] {
    state.withLock { state in state.order.compactMap { state.entries[$0]?.status } }
  }

  /// How many of them are down.
  public var downTargets: Int {
    state.withLock { state in state.entries.values.count { $0.status.health == .down } }
  }

  public var counters: ScrapeCounters { state.withLock { $0.counters } }

  /// In the order of the jobs' names; of those that have been scraped.
  public var jobCounters: [ScrapeJobCounters] {
    state.withLock { $0.jobs.values.sorted { $0.job < $1.job } }
  }

  public func run(into sink: any Sink) async throws {
    let (changes, changed) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    state.withLock { $0.changed = changed }
    changed.yield()
    await withDiscardingTaskGroup { group in
      for await _ in changes {
        for (key, entry, stopped) in unstarted() {
          group.addTask { await self.loop(key, entry, stopped: stopped, sink) }
        }
      }
      group.cancelAll()
    }
    state.withLock { $0.changed = nil }
  }

  /// The targets that have no loop yet; from now on they have.
  private func unstarted() -> [(Key, Entry, AsyncStream<Ending>)] {
    state.withLock { state in
      var found: [(Key, Entry, AsyncStream<Ending>)] = []
      for (key, entry) in state.entries where entry.stop == nil {
        let (stopped, stop) = AsyncStream<Ending>.makeStream()
        state.entries[key]?.stop = stop
        found.append((key, entry, stopped))
      }
      return found
    }
  }
}

extension ScrapeCollector {
  /// One target, until the task is cancelled or the target is gone.
  private func loop(_ key: Key, _ entry: Entry, stopped: AsyncStream<Ending>, _ sink: any Sink) async {
    let scraping = Task { await self.scrapeAgainAndAgain(key, entry, sink) }
    let watching = Task { () -> Ending? in
      // Nothing comes when the collector as a whole is stopped; then the task is cancelled.
      for await ending in stopped {
        scraping.cancel()
        return ending
      }
      return nil
    }
    var scraper = await withTaskCancellationHandler {
      await scraping.value
    } onCancel: {
      scraping.cancel()
    }
    watching.cancel()
    let ending = await watching.value
    // Nil is the stop of the collector as a whole.
    guard ending == .gone || ending == nil && entry.job.staleOnStop else { return }
    _ = await store(scraper.lastRows(at: now()), key, entry, sink)
  }

  /// Until it is cancelled; a scrape that is complete by then is still stored.
  private func scrapeAgainAndAgain(
    _ key: Key, _ entry: Entry, _ sink: any Sink
  ) async -> TargetScraper {
    let job = entry.job
    var scraper = TargetScraper(key.identity, of: job, http: http.session(for: job.http), userAgent: userAgent)
    var schedule = ScrapeSchedule(interval: job.interval, spread: key.identity.spread, now: now())
    while !Task.isCancelled {
      note(key, entry) { $0.nextScrape = UnixMilliseconds(schedule.tick) }
      do {
        try await Task.sleep(for: schedule.wait(now: now()), tolerance: .zero)
      } catch {
        break
      }
      let (timestamp, skipped) = schedule.start(now: now())
      // Nothing came of it; whether this is the end, the loop's own condition says.
      guard let result = await scraper.scrape(at: timestamp) else { continue }
      let series = scraper.cache.seriesCount
      note(key, entry) { status in
        status.health = result.failure == nil ? .up : .down
        status.lastScrape = timestamp
        // Already here, as storing may take its time.
        status.nextScrape = UnixMilliseconds(schedule.tick)
        status.lastDuration = result.duration
        status.lastError = result.failure ?? result.lost
        status.samples = result.reading.samples
        status.series = series
      }
      state.withLock {
        $0.counters.add(result, skippedTicks: skipped)
        $0.jobs[job.name, default: ScrapeJobCounters(job: job.name)].add(
          isUp: result.failure == nil, samples: result.reading.samples, duration: result.duration)
      }
      if await !store(result.rows, key, entry, sink) { scraper.dropped() }
    }
    return scraper
  }

  /// Whether the sink has the rows.
  private func store(_ rows: [MetricRow], _ key: Key, _ entry: Entry, _ sink: any Sink) async -> Bool {
    guard !rows.isEmpty else { return true }
    let batch = RowBatch(tenant: entry.job.tenant, metrics: rows)
    // A task of its own, which is not cancelled with the loop: the sink may not wait for room in a cancelled one, and the rows are complete.
    let storing = Task { try await sink.enqueue(batch, positions: []) }
    do {
      let acceptance = try await storing.value
      if acceptance == .full { state.withLock { $0.counters.droppedScrapes += 1 } }
      return acceptance != .full
    } catch {
      state.withLock { $0.counters.lostScrapes += 1 }
      note(key, entry) { $0.lastError = "the scrape was not stored: \(error)" }
      return false
    }
  }

  private func note(_ key: Key, _ entry: Entry, _ change: (inout ScrapeTargetStatus) -> Void) {
    state.withLock { state in
      guard var current = state.entries[key], current.run == entry.run else { return }
      change(&current.status)
      state.entries[key] = current
    }
  }
}

extension ScrapeCounters {
  fileprivate mutating func add(_ result: TargetScraper.Result, skippedTicks: Int) {
    scrapes += 1
    if result.failure != nil { failedScrapes += 1 }
    if result.lost != nil { lostScrapes += 1 }
    samples += UInt64(result.reading.samples)
    duplicateSamples += UInt64(result.reading.duplicates)
    refusedSamples += UInt64(result.reading.refused)
    receivedBytes += UInt64(result.receivedBytes)
    tableRebuilds += UInt64(result.rebuilds)
    self.skippedTicks += UInt64(skippedTicks)
  }
}
