import Foundation
import Testing

/// Logs that others push, through two gateways, into files and into Loki.
@Suite("Logs through gateways", .serialized)
struct LogChainTests {
  @Test func arriveOnceWithTenantAndMetadataWhenTheFirstGatewayIsKilled() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let loki = try LokiEnd()
    let second = try GatewayProcess(
      "promtail-gateway", named: "second", forwarders: [GatewayProcess.files(), loki.forwarder], in: folder)
    let first = try GatewayProcess(
      "promtail-gateway", named: "first",
      forwarders: [GatewayProcess.forwarder(to: [second.grpcPort], more: "timeout: 2s")], in: folder)
    try await second.start()
    try await first.start()

    let pusher = LogPusher(to: first.httpPort)
    for kill in 1...3 {
      let wanted = pusher.answered.count + 60
      #expect(await eventually { pusher.answered.count >= wanted }, "kill \(kill): \(first.said)")
      #expect(first.end(SIGKILL) == 128 + SIGKILL, "\(first.said)")
      try await first.start()
    }
    let wanted = pusher.answered.count + 60
    #expect(await eventually { pusher.answered.count >= wanted }, "\(first.said)")
    #expect(await pusher.stop())
    #expect(pusher.complaints == [])

    let promised = Set(pusher.answered.flatMap(\.lines))
    for process in [first, second] {
      let isDelivered = await eventually(seconds: 60) {
        let waiting = process.metrics().filter { $0.key.hasPrefix("clymene_forwarder_waiting_rows") }
        return !waiting.isEmpty && waiting.values.allSatisfy { $0 == 0 }
      }
      #expect(isDelivered, "\(process.name): \(process.said)")
    }
    #expect(first.end(SIGTERM) == 0, "\(first.said)")
    #expect(second.end(SIGTERM) == 0, "\(second.said)")
    for process in [first, second] { #expect(try process.deadLetters().isEmpty) }

    try expectOnce(promised, pusher.unanswered, in: try WrittenLine.read(second.output()), "file")
    try expectOnce(promised, pusher.unanswered, in: loki.lines, "loki")
    #expect(loki.problems == [])
    print("\(promised.count) lines answered, \(pusher.unanswered.count) pushes without an answer")
  }

  /// All that was promised is there once, and of what was not answered each push as a whole or not at all.
  private func expectOnce(
    _ promised: Set<WrittenLine>, _ unanswered: [LogPusher.Push], in arrived: [WrittenLine], _ what: Comment
  ) throws {
    let distinct = Set(arrived)
    #expect(arrived.count == distinct.count, "\(what): \(arrived.count - distinct.count) lines are there twice")
    #expect(promised.subtracting(distinct).isEmpty, "\(what): missing \(promised.subtracting(distinct).count)")
    var foreign = distinct.subtracting(promised)
    for push in unanswered {
      let lines = Set(push.lines)
      let there = lines.intersection(foreign).count
      #expect(there == 0 || there == lines.count, "\(what): \(there) of \(lines.count) lines of \(push)")
      foreign.subtract(lines)
    }
    #expect(foreign.isEmpty, "\(what): nobody sent \(foreign.prefix(3))")
  }
}
