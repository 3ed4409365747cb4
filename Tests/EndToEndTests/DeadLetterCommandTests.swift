import Codec
import Foundation
import Model
import Testing
import WAL

/// `clymene wal dead-letters`, on a log that this process has open and on one that is damaged.
@Suite("The commands for dead letters", .serialized)
struct DeadLetterCommandTests {
  private let folder: URL
  private var log: String { folder.appending(path: "wal").path }

  init() throws { folder = try Places.temporaryFolder() }

  /// A log with the cursors `remote` and `away`, and letters 1 to 3 for `remote` and 4 for `away`.
  private func filled() async throws -> WriteAheadLog {
    let log = try WriteAheadLog.open(LogConfiguration(directory: log, commitInterval: .milliseconds(20)))
    for name in ["remote", "away"] { try await log.cursor(named: name).close() }
    for number in 0..<4 {
      _ = try await log.deadLetters.add(
        consumer: number < 3 ? "remote" : "away", generation: 1, blocks: [try Self.block(number)],
        reason: "400 Bad Request\nout of \u{1b}[31mbounds \(number)", attempts: number + 1)
    }
    return log
  }

  private static func block(_ number: Int) throws -> TabledBlock {
    let table = try SeriesTable(encoding: [Series(Labels([Label("job", "app")]))], signal: .logs)
    let entry = LogEntry(timestamp: UnixNanoseconds(Int64(number) * 1_000_000), line: Array("line \(number)".utf8))
    let rows = RowBatch(logs: [LogRows(source: 7, tables: [table], entries: [LogRows.Entry(stream: 0, entry: entry)])])
    var sealer = try BlockSealer()
    return try #require(
      sealer.seal(rows, origin: Origin(low: 1, high: 2), firstSequence: UInt64(number) + 1).first)
  }

  private func run(_ arguments: String...) throws -> CommandTests.Answer {
    try CommandTests.run(["wal", "dead-letters"] + arguments)
  }

  private func list(_ more: String...) throws -> [[String: Any]] {
    let answer = try CommandTests.run(["wal", "dead-letters", "list", log, "--json"] + more)
    return try #require(try answer.json() as? [[String: Any]])
  }

  @Test func listShowAndMarkWhatALiveLogHas() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let open = try await filled()
    let listed = try run("list", log)
    #expect(listed.code == 0 && listed.output.contains("400 Bad Request") && !listed.output.contains("bounds"))
    #expect(try list().map { $0["number"] as? Int } == [1, 2, 3, 4])
    #expect(try list("--consumer", "away").map { $0["attempts"] as? Int } == [4])
    #expect(try list().first?["state"] as? String == "kept")

    let shown = try run("show", "2", log, "--samples")
    #expect(shown.code == 0, "\(shown.errors)")
    for part in ["forwarder  remote", "sent 2 times", "bounds 1", "block 1 of 1", "{job=\"app\"}", "line 1"] {
      #expect(shown.output.contains(part), "\(part): \(shown.output)")
    }
    // A destination's answer does not control the terminal.
    #expect(!shown.output.contains("\u{1b}"))
    #expect(try !run("show", "2", log).output.contains("line 1"))
    let json = try #require(try run("show", "2", log, "--json").json() as? [String: Any])
    #expect((json["letter"] as? [String: Any])?["rows"] as? Int == 1 && (json["blocks"] as? [Any])?.count == 1)
    #expect(try CommandTests.run(["wal", "stats", log]).output.contains("4 dead letters"))

    let marked = try run("redrive", "1", "3", log)
    #expect(marked.code == 0 && marked.output.contains("2 dead letters"), "\(marked.errors)")
    #expect(try await open.deadLetters.redriven(for: "remote").map(\.number) == [1, 3])
    #expect(try run("redrive", "2", log, "--to", "away").code == 0)
    #expect(try await open.deadLetters.redriven(for: "away").map(\.number) == [2])
    #expect(try list().map { $0["state"] as? String } == ["redrive", "redrive", "redrive", "kept"])
    #expect(try run("redrive", "--all", "--consumer", "away", log).code == 0)
    #expect(try await open.deadLetters.redriven(for: "away").map(\.number) == [2, 4])
    try await open.close()
  }

  @Test func changeNothingWhenSomethingOfTheWishCannotBe() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try await filled().close()
    let unknown = try run("redrive", "1", "77", log)
    #expect(unknown.code == 1 && unknown.errors.contains("77"))
    #expect(try run("redrive", "1", log, "--to", "nobody").errors.contains("no forwarder called nobody"))
    #expect(try run("discard", "1", "77", log, "--yes").code == 1)
    #expect(try run("show", "77", log).code == 1)
    for wrong in [
      ["redrive", log], ["redrive", "1", "--all", log], ["redrive", "1", "--consumer", "a", log], ["discard", log],
      ["show"], ["redrive", "1", log, "/other"],
    ] { #expect(try CommandTests.run(["wal", "dead-letters"] + wrong).code == 64, "\(wrong)") }
    #expect(try list().map { $0["state"] as? String } == ["kept", "kept", "kept", "kept"])
    for command in [["list"], ["show", "1"], ["redrive", "1"], ["discard", "1"]] {
      let answer = try CommandTests.run(["wal", "dead-letters"] + command + ["/nonexistent"])
      #expect(answer.code == 1 && answer.errors.contains("there is no log"), "\(command)")
    }
  }

  @Test func discardDeletesAndAsksOnATerminal() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try await filled().close()
    // TIOCSPTLCK and TIOCGPTN of asm-generic/ioctls.h, which Swift does not import: unlock the other end, and ask for its number.
    let terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var (locked, number) = (Int32(0), UInt32(0))
    try #require(terminal >= 0 && ioctl(terminal, 0x4004_5431, &locked) == 0)
    try #require(ioctl(terminal, 0x8004_5430, &number) == 0)
    defer { close(terminal) }
    let process = Process()
    process.executableURL = Places.clymene
    process.arguments = ["wal", "dead-letters", "discard", "2", log]
    let input: FileHandle = try #require(FileHandle(forReadingAtPath: "/dev/pts/\(number)"))
    process.standardInput = input
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 64)
    #expect(try list().count == 4)
    let discarded = try run("discard", "2", "4", log, "--yes", "--json")
    #expect(discarded.code == 0)
    #expect(try discarded.json() as? [String: [Int]] == ["discarded": [2, 4], "gone": []])
    #expect(try list().map { $0["number"] as? Int } == [1, 3])
  }

  @Test func sayWhatIsDamagedAndGoOnWithTheRest() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try await filled().close()
    // A letter's header, and the block of another.
    for (file, at) in [("00000001-remote.letter", 20), ("00000002-remote.letter", 260)] {
      let url = folder.appending(path: "wal/dead-letters/\(file)")
      var bytes = try Data(contentsOf: url)
      bytes[at] ^= 0x40
      try bytes.write(to: url)
    }
    let listed = try run("list", log)
    #expect(listed.code == 2 && listed.output.contains("bounds") == false)
    #expect(listed.output.contains("damaged") && listed.errors.contains("dead-letters/00000001-remote.letter"))
    for number in ["1", "2"] {
      let shown = try run("show", number, log)
      #expect(shown.code == 2 && shown.output.contains("forwarder  remote"), "\(shown.output) \(shown.errors)")
    }
    #expect(try run("redrive", "1", log).code == 2)
    let verified = try CommandTests.run(["wal", "verify", log])
    #expect(verified.code == 2 && verified.errors.contains("00000001") && verified.errors.contains("00000002"))
    #expect(verified.output.contains("4 dead letters"))
    let all = try run("redrive", "--all", log)
    #expect(all.code == 2 && all.output.contains("3 dead letters"), "\(all.output) \(all.errors)")
    #expect(all.output.contains("away, remote not running"))
    #expect(try list().map { $0["state"] as? String } == ["damaged", "redrive", "redrive", "redrive"])
    #expect(try run("discard", "1", log, "--yes").code == 0)
    #expect(try list().map { $0["number"] as? Int } == [2, 3, 4])
  }
}
