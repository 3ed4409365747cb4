import Foundation
import Testing

/// Destinations that misbehave for a while, or always.
@Suite("A faulty receiver", .serialized)
struct FaultyReceiverTests {
  enum Fault: String, CaseIterable, CustomTestStringConvertible {
    case hangs = "takes connections and says nothing"
    case losesAnswers = "ends the connection after it took the rows"
    case wantsLess = "takes no more than 1,500 bytes"
    case wantsCredentials = "does not know us at first"

    var testDescription: String { rawValue }

    func judge(_ bodyBytes: Int) -> ReceivingEnd.Verdict {
      switch self {
      case .hangs: .silence
      case .losesAnswers: .takeAndHangUp
      case .wantsLess: bodyBytes > 1500 ? .refuse(413, "too large\n") : .take
      case .wantsCredentials: .refuse(401, "who are you?\n")
      }
    }
  }

  @Test("has every sample once it is well", arguments: Fault.allCases)
  func hasEverySample(fault: Fault) async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    // At first nothing gets through, so that there is enough to send for a large request.
    let isLate = fault == .wantsLess
    let end = try ReceivingEnd { _, bytes in isLate ? .refuse(503, "later\n") : fault.judge(bytes) }
    let exporter = try LoadExporter(targets: 3, series: 40)
    let agent = try LoadedAgent(exporter: exporter, interval: "1s", forwarders: [end.forwarder], in: folder)
    try await agent.start()
    if isLate {
      #expect(await eventually { agent.metric("waiting_rows", of: "remote") ?? 0 >= 15 }, "\(agent.said)")
      let before = end.failed
      end.change { _, bytes in fault.judge(bytes) }
      #expect(await eventually { end.good >= 3 }, "\(agent.said)")
      #expect(end.failed > before, "nothing was too large")
    } else {
      let isHeld = fault == .wantsCredentials
      #expect(
        await eventually {
          isHeld ? agent.metric("held", of: "remote") == 1 : end.failed >= 3
        }, "\(agent.said)")
      #expect(end.good == 0 && agent.metric("rows_delivered_total", of: "remote") == 0)
      end.change { _, _ in .take }
      // Where only somebody could help, it asks every half minute or so whether somebody has.
      #expect(await eventually(seconds: 90) { end.good >= 1 }, "\(agent.said)")
    }
    #expect(agent.end(SIGTERM) == 0, "\(agent.said)")

    try agent.scrapeNothing()
    try await agent.start()
    #expect(await eventually { agent.metric("waiting_rows", of: "remote") == 0 }, "\(agent.said)")
    #expect(agent.end(SIGTERM) == 0, "\(agent.said)")
    let log = Set(try LogContents.samples(in: agent.log.path))
    #expect(log.count >= 3 * 40)
    #expect(end.taken == log, "\(end.taken.symmetricDifference(log).prefix(5))")
    #expect(end.problems.isEmpty, "\(end.problems)")
    #expect(try agent.deadLetters().isEmpty)
  }
}
