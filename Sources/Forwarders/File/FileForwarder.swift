import Codec
import Dispatch
import Glibc
import Model
import Synchronization

/// Forwards into files of newline-delimited JSON in a directory, one line a sample or log entry.
///
///     {"timestamp":1700000000000,"tenant":"shop-7","labels":{"__name__":"up","job":"node"},"value":1}
///     {"timestamp":1700000000000,"labels":{"__name__":"up","job":"node"},"value":"stale"}
///     {"timestamp":1700000000000,"labels":{"__name__":"latency"},"histogram":{"schema":3,"sum":1.5,…}}
///     {"labels":{"__name__":"requests_total"},"exemplar":{"labels":{"trace_id":"a1"},"value":1,"timestamp":1700000000000}}
///     {"labels":{"__name__":"requests_total"},"created":1700000000000}
///     {"timestamp":"1700000000000000000","labels":{"job":"syslog"},"metadata":{"host":"a"},"line":"…"}
///
/// * `timestamp`, `created`: milliseconds since 1970 as a number; of a log entry nanoseconds as a string, since they exceed what a
///   JSON number holds exactly.
/// * `tenant` is absent for the default tenant, `metadata` where there is none. A name of structured metadata that occurs several
///   times has an array of its values.
/// * `value`: the shortest digits that read back as the same double; `"NaN"`, `"+Inf"` and `"-Inf"` as strings, and `"stale"` for the marker that a
///   series has ended. Histograms have the fields of remote write, see ``HistogramText``.
/// * `line` is the text; a line that is not UTF-8 comes as `line_base64` instead, so that its bytes survive.
///
/// The unfinished file ends in `.part`; a finished one is complete and durable, and is called
/// `clymene-<UTC start>-<counter>.ndjson`, or `….ndjson.zst`. A `.part` may be cut back after a crash, so a shipper reads finished files
/// only. A line is there once, whatever crashes; see ``FileWriter``. With the file `.clymene-file-state` gone that cannot be
/// promised: unfinished files are then set aside, and what the queue still holds is written again.
public final class FileForwarder: Forwarder {
  private let writer: Mutex<FileWriter<DiskDirectory>>
  /// The disk makes callers wait, which the pool of Swift's tasks must not: all its work is done here, one piece after another.
  private let queue: DispatchQueue
  private let timer = Mutex<Task<Void, Never>?>(nil)
  /// As of the last piece of work, so that whoever asks does not wait for the disk.
  private let latest = Mutex(FileForwarderCounters())

  /// The directory is opened with the first delivery or rotation, so that one which is not there yet does not keep anything from starting. Throws when there is no memory.
  public init(
    _ configuration: FileForwarderConfiguration,
    now: @escaping @Sendable () -> UnixMilliseconds = FileForwarder.wallClock
  ) throws(FormatError) {
    let path = configuration.path
    writer = Mutex(
      try FileWriter(configuration, now: now) { () throws(DirectoryError) in try DiskDirectory(path) })
    queue = DispatchQueue(label: "clymene.file")
    // A file has to be finished at its age also when nothing comes any more.
    let step = min(max(configuration.rotateAfter / 10, .milliseconds(100)), .seconds(30))
    let task = Task { [weak self] in
      while !Task.isCancelled {
        guard (try? await Task.sleep(for: step)) != nil, let self else { return }
        await self.onQueue { writer in try? writer.rotateIfDue() }
      }
    }
    timer.withLock { $0 = task }
  }

  deinit { timer.withLock { $0?.cancel() } }

  public static let wallClock: @Sendable () -> UnixMilliseconds = {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UnixMilliseconds(Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// The answer's bytes are those written to the disk.
  public func deliver(_ delivery: Delivery) async -> Answer {
    await onQueue { writer in
      let before = writer.counters.bytes
      let outcome = Self.outcome { () throws in try writer.deliver(delivery) }
      return Answer(outcome, sentBytes: Int(clamping: writer.counters.bytes &- before))
    }
  }

  private static func outcome(_ write: () throws -> FileWriter<DiskDirectory>.Written) -> Outcome {
    do {
      switch try write() {
      case .written: return .delivered
      case .nothingNew: return .alreadyThere
      }
    } catch let error as FormatError {
      return .refused(reason: "the block cannot be read: \(error)")
    } catch let error as DirectoryError {
      return error.outcome
    } catch {
      return .retry(reason: "\(error)", after: nil)
    }
  }

  public func close() async {
    let task = timer.withLock { timer in
      defer { timer = nil }
      return timer
    }
    task?.cancel()
    await task?.value
    await onQueue { writer in writer.close() }
  }

  /// Asynchronous for callers that ask forwarders in general; it never waits for the disk.
  public var counters: FileForwarderCounters {
    get async { latest.withLock { $0 } }
  }

  private func onQueue<Answer: Sendable>(
    _ work: @escaping @Sendable (inout FileWriter<DiskDirectory>) -> Answer
  ) async -> Answer {
    await withCheckedContinuation { continuation in
      queue.async {
        let answer = self.writer.withLock { writer in
          let answer = work(&writer)
          let counters = writer.counters
          self.latest.withLock { $0 = counters }
          return answer
        }
        continuation.resume(returning: answer)
      }
    }
  }
}

extension DirectoryError {
  /// A full or failing disk may recover by itself; a directory that may not be written needs somebody.
  var outcome: Outcome {
    switch code {
    case EACCES, EPERM, EROFS, ENOTDIR, ENAMETOOLONG, ELOOP, EWOULDBLOCK, ENOENT: .misconfigured(reason: description)
    default: .retry(reason: description, after: nil)
    }
  }
}
