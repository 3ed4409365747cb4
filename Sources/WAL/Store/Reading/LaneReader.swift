import Codec
import Synchronization

/// Reads segments for one cursor, on its thread: keeps the sealed segment at hand open, and the tables it has met.
final class LaneReader: Sendable {
  struct Job: Sendable {
    let first: UInt64
    /// The writer's own handle when it is the active segment: LMDB must not have a file that is written open twice.
    let active: Segment?
    let from: UInt64
    let end: UInt64
    let delivered: DeliveredRanges
    let isVerified: Bool
  }

  enum Result: Sendable {
    case reading(SegmentReader.Reading)
    case damagedSegment(first: UInt64, reason: String)
  }

  private struct State {
    var sealed: Segment?
    var tables = SegmentReader.TableCache()
  }

  private let core: LogCore
  private let state = Mutex(State())

  init(core: LogCore) { self.core = core }

  func read(_ job: Job, limitBytes: Int) throws(LogError) -> Result {
    var tables = state.withLock { $0.tables }
    defer { state.withLock { $0.tables = tables } }
    if let active = job.active {
      state.withLock { $0.sealed = nil }
      return .reading(
        try SegmentReader.read(
          active, from: job.from, to: job.end, notIn: job.delivered, limitBytes: limitBytes, tables: &tables))
    }
    switch try sealed(job) {
    case .damaged(let reason): return .damagedSegment(first: job.first, reason: reason)
    case .gone: return .reading(SegmentReader.Reading())
    case .open(let segment):
      do throws(LogError) {
        return .reading(
          try SegmentReader.read(
            segment, from: job.from, to: job.end, notIn: job.delivered, limitBytes: limitBytes, tables: &tables))
      } catch {
        state.withLock { $0.sealed = nil }
        guard error.kind == .damaged || error.isLMDBCorruption else { throw error }
        return .damagedSegment(first: job.first, reason: error.what)
      }
    }
  }

  private enum Opened {
    case open(Segment)
    case damaged(String)
    /// Retention took it meanwhile.
    case gone
  }

  /// Opens a sealed segment after its pages were checked: against their checksums, or by a walk in a child where there are none yet.
  private func sealed(_ job: Job) throws(LogError) -> Opened {
    if let open = state.withLock({ $0.sealed }), open.first == job.first, job.isVerified { return .open(open) }
    state.withLock { $0.sealed = nil }
    let path = core.path(job.first)
    guard Files.length(path) != nil else {
      let isListed = core.state.withLock { $0.segments.contains { $0.first == job.first } }
      return isListed ? .damaged("the file is gone") : .gone
    }
    if !job.isVerified {
      if let reason = try SegmentCheck.damage(path: path, sums: core.sumsPath(job.first)) { return .damaged(reason) }
    }
    do throws(LogError) {
      let segment = try Segment.open(path: path, first: job.first, mode: .readingSealed)
      let totals = try segment.sealedTotals()
      core.state.withLock { log in
        log.verified.insert(job.first)
        // What opening had to guess is known now.
        if let totals, let index = log.segments.firstIndex(where: { $0.first == job.first }),
          log.segments[index].isEstimated
        {
          log.segments[index].totals = totals
          log.segments[index].isEstimated = false
        }
      }
      state.withLock { $0.sealed = segment }
      return .open(segment)
    } catch {
      if Files.length(path) == nil { return .gone }
      guard error.kind == .damaged || error.isLMDBCorruption else { throw error }
      return .damaged(error.description)
    }
  }
}

/// Whether a sealed segment is what was sealed.
enum SegmentCheck {
  /// Why not; nil when it is sound. Without `sums` (or the file of that name) the tree is walked, which reads far less and sees less: the
  /// blocks' own checksums are left to whoever reads them. Throws when that could not be found out.
  static func damage(path: String, sums: String?) throws(LogError) -> String? {
    var known: PageSums?
    do {
      if let sums { known = try PageSums.read(from: sums) }
    } catch is FormatError {
      // Damaged sums say nothing about the segment: it is walked instead.
    } catch {
      throw LogError(.storage(code: 5), "\(error)")
    }
    do throws(IntegrityError) {
      if let known {
        let verdict = try known.verify(path)
        guard let first = verdict.damaged.first else { return nil }
        let bytes = verdict.damaged.reduce(0) { $0 + $1.count }
        return
          "\(bytes) bytes in \(verdict.damaged.count) places, the first at \(first.lowerBound), are not what was sealed"
      }
      switch try TreeWalk.walk(path) {
      case .sound: return nil
      case .broken(let reason): return reason.description
      }
    } catch {
      throw LogError.integrity(error)
    }
  }
}

extension LogError {
  static func integrity(_ error: IntegrityError) -> LogError { LogError(.storage(code: error.code), error.description) }
}
