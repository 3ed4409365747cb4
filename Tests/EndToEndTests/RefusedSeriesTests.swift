import Foundation
import Testing

/// A destination that refuses one series for good.
@Suite("A refused series", .serialized)
struct RefusedSeriesTests {
  private static let mark = "not-to-be-taken"

  private static func isMarked(_ message: [UInt8]) -> Bool { Data(message).range(of: Data(mark.utf8)) != nil }

  @Test func isADeadLetterThatCanBeSentAgainWhileAllElseIsDelivered() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let end = try ReceivingEnd { message, _ in
      Self.isMarked(message) ? .refuse(400, "a label value that we do not take\n") : .take
    }
    // On the first pages of one target only: so few faults that the forwarder finds each of them however late it is.
    let exporter = try LoadExporter(targets: 3, series: 30) { target, sequence in
      target == 1 && sequence <= 3 ? "bench_odd{odd=\"\(Self.mark)\"} \(sequence)\n" : ""
    }
    let agent = try LoadedAgent(exporter: exporter, interval: "1s", forwarders: [end.forwarder], in: folder)
    try await agent.start()
    #expect(
      await eventually { try !agent.deadLetters().isEmpty && exporter.pages.allSatisfy { $0 >= 6 } }, "\(agent.said)")
    #expect(agent.end(SIGTERM) == 0, "\(agent.said)")
    try agent.scrapeNothing()
    try await agent.start()
    #expect(await eventually { agent.metric("waiting_rows", of: "remote") == 0 }, "\(agent.said)")

    let log = Set(try LogContents.samples(in: agent.log.path))
    let marked = log.filter { $0.labels["odd"] == Self.mark }
    #expect(marked.count >= 3)
    #expect(end.taken == log.subtracting(marked), "\(end.taken.symmetricDifference(log.subtracting(marked)).prefix(5))")

    let letters = try agent.deadLetters()
    #expect(!letters.isEmpty)
    #expect(letters.reduce(0) { $0 + ($1["entries"] as? Int ?? 0) } == marked.count, "\(letters)")
    #expect(
      letters.allSatisfy {
        $0["consumer"] as? String == "remote" && $0["state"] as? String == "kept"
          && ($0["reason"] as? String)?.contains("a label value that we do not take") == true
      }, "\(letters)")
    let number = try #require(letters.first?["number"] as? Int)
    let shown = try CommandTests.run(["wal", "dead-letters", "show", "\(number)", agent.log.path, "--samples"])
    #expect(shown.code == 0 && shown.output.contains(Self.mark) && shown.output.contains("400"), "\(shown.output)")

    // The cause is gone.
    end.change { _, _ in .take }
    let redriven = try CommandTests.run(["wal", "dead-letters", "redrive", "--all", agent.log.path])
    #expect(redriven.code == 0, "\(redriven.errors)")
    #expect(await eventually { try agent.deadLetters().isEmpty }, "\(agent.said)")
    #expect(end.taken == log)
    #expect(end.problems.isEmpty, "\(end.problems)")
    #expect(agent.end(SIGTERM) == 0, "\(agent.said)")
  }
}
