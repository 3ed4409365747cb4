import Codec
import Glibc
import Model
import WAL

/// Opens logs, one after the other, reads everything in them and says what is there:
///
///     dir <path>
///     O …                  opened, with what the log found
///     P worker n           the position of a worker
///     L base sent          the cursor `lane`: everything below base is delivered, below `sent` it may have been sent
///     K number             a dead letter that is there, whole
///     W worker 1-57,59     batches that are there whole and once
///     B worker batch first last   with map=1: where each batch is
///     M rows               rows that the reader was told are missing
///     X …                  anything that must not be
///     end | refused …
///
/// A batch of worker 99 is appended first, so that reading has an end, and so that a log which cannot be written is noticed.
func checkLogs(_ arguments: [String]) async throws {
  let options = Options(arguments)
  for directory in options.plain {
    say("dir \(directory)")
    // Nothing of this log may make the check hang: the test would only know that it did.
    alarm(UInt32(options.number("limit", 60)))
    do {
      try await checkLog(directory, options)
      say("end")
    } catch {
      say("refused \(error)")
    }
  }
  exit(0)
}

private func checkLog(_ directory: String, _ options: Options) async throws {
  let content = Content(seed: UInt64(options.number("seed", 1)))
  let log = try WriteAheadLog.open(options.configuration(directory))
  say("O " + log.opening.findings.map(\.description).joined(separator: "; "))
  for (collector, position) in log.positions().sorted(by: { $0.key < $1.key }) {
    guard collector.hasPrefix("worker:"), position.count == 8 else {
      say("X position of \(collector): \(position)")
      continue
    }
    say("P \(collector.dropFirst(7)) \(position.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })")
  }
  for consumer in log.status().consumers where consumer.name == "lane" {
    say("L \(consumer.base) \(consumer.sentBefore)")
  }

  for item in try await log.deadLetters.items() {
    do {
      guard let letter = try await log.deadLetters.read(item), !letter.tabled.isEmpty else { throw Usage() }
      say("K \(item.number)")
    } catch {
      say("X dead letter \(item.file): \(error)")
    }
  }

  let cursor = try await log.cursor(named: "check \(UInt64.random(in: 0 ... .max))", start: .oldest)
  let sentinel = UInt64.random(in: 1...0xffff_ffff)
  let stored = try await log.append(content.batch(99, sentinel, table: content.table(99, sentinel)))
  guard case .durable(let place) = stored else {
    say("X cannot append: \(stored)")
    return
  }
  var tally = Tally(content)
  let opener = try BlockOpener()
  var after: UInt64?
  while (after ?? 0) < place.upperBound {
    for stored in try await cursor.next(limitBytes: 256 << 10, after: after) {
      if let after, stored.offsets.lowerBound < after { tally.complain("offset \(stored.offsets) after \(after)") }
      after = stored.offsets.upperBound
      do {
        let opened = try opener.open(stored.block)
        guard try opened.resolve(stored.tables).count == opened.groups.count,
          opened.header.rowCount == stored.offsets.count
        else { throw Usage() }
        var offset = stored.offsets.lowerBound
        for case .logs(let group) in opened.groups {
          for row in 0..<group.count {
            tally.add(group.line(row), at: offset)
            offset += 1
          }
        }
      } catch {
        tally.complain("block at \(stored.offsets): \(error)")
      }
    }
  }
  if !tally.has(99, sentinel) { tally.complain("the sentinel is not there") }
  if options.flag("map") { for line in tally.map() where !line.hasPrefix("B 99 ") { say(line) } }
  for line in tally.report() where !line.hasPrefix("W 99 ") { say(line) }
  for consumer in log.status().consumers where consumer.name == cursor.name { say("M \(consumer.missingRows)") }
  cursor.close()
  if options.flag("close") { try await log.close() } else { _ = consume log }
}
