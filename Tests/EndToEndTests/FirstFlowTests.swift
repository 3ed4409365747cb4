import Foundation
import Testing

/// Real processes, real files, a real node_exporter.
@Suite("The agent", .serialized)
struct FirstFlowTests {
  @Test func movesMetricsOfANodeExporterAndItselfThroughTheLogIntoFiles() async throws {
    let flow = try Flow(interval: "1s")
    let agent = try flow.start()
    #expect(await eventually { flow.isReady }, "\(agent.log)")
    #expect(
      await eventually { (flow.metric("clymene_forwarder_rows_delivered_total") ?? 0) >= 8 }, "\(agent.log)")

    let page = try Loopback.get(flow.adminPort, "/")
    #expect(page.status == 200)
    #expect(page.body.contains("2 of 2 up") && page.body.contains("local"))
    let targets = try Loopback.get(flow.adminPort, "/targets").body
    #expect(targets.contains("127.0.0.1:\(flow.exporterPort)") && targets.contains(">up<"))
    #expect(try Loopback.get(flow.adminPort, "/-/healthy").status == 200)
    #expect(try Loopback.get(flow.adminPort, "/nonsense").status == 404)
    #expect(try Loopback.get(flow.adminPort, "/version").body.contains("\"version\""))
    let status = try #require(
      try JSONSerialization.jsonObject(with: Data(Loopback.get(flow.adminPort, "/api/v1/status").body.utf8))
        as? [String: Any])
    #expect((status["targets"] as? [Any])?.count == 2)
    #expect(flow.metric("clymene_wal_rows_appended_total") ?? 0 >= 8)
    #expect(flow.metric("clymene_scrape_job_targets{job=\"node\",health=\"up\"}") == 1)
    #expect(flow.metric("clymene_scrape_job_scrapes_total{job=\"node\"}") ?? 0 >= 3)
    #expect(flow.metric("clymene_scrape_job_duration_seconds_total{job=\"node\"}") ?? 0 > 0)
    #expect(flow.metric("clymene_wal_tenant_rows") ?? 0 >= 8)
    #expect(flow.metric("process_resident_memory_bytes") ?? 0 > 1e6)

    let stopStart = ContinuousClock.now
    agent.send(SIGTERM)
    #expect(agent.wait() == 0, "\(agent.log)")
    #expect(ContinuousClock.now - stopStart < .seconds(8))

    let samples = try WrittenSample.read(flow.output)
    #expect(Set(samples).count == samples.count, "no line is there twice")
    let ups = samples.filter { $0.name == "up" }
    #expect(Set(ups.map { $0.labels["job"] }) == ["node", "clymene"])
    #expect(ups.allSatisfy { $0.labels["site"] == "test" })
    let node = samples.filter { $0.labels["job"] == "node" }
    #expect(node.allSatisfy { $0.labels["rack"] == "7" && $0.labels["instance"] == "127.0.0.1:\(flow.exporterPort)" })
    #expect(node.contains { $0.name == "node_memory_MemTotal_bytes" && $0.value.number ?? 0 > 1e6 })
    #expect(samples.contains { $0.name == "clymene_wal_commits_total" })
    try expectWholeScrapes(samples)
  }

  @Test func deliversToOneDestinationWhileAnotherIsBroken() async throws {
    let flow = try Flow(interval: "1s", forwarders: "- {name: broken, type: file, path: /proc/nothing}")
    let agent = try flow.start()
    #expect(
      await eventually { flow.metric("clymene_forwarder_held{forwarder=\"broken\"}") == 1 }, "\(agent.log)")
    let before = flow.metric("clymene_forwarder_rows_delivered_total{forwarder=\"local\"}") ?? 0
    #expect(
      await eventually {
        flow.metric("clymene_forwarder_rows_delivered_total{forwarder=\"local\"}") ?? 0 >= before + 6
          && flow.metric("clymene_forwarder_waiting_rows{forwarder=\"broken\"}") ?? 0 >= 6
          && flow.metric("clymene_forwarder_waiting_seconds{forwarder=\"broken\"}") ?? 0 >= 3
      }, "\(agent.log)")
    #expect(try Loopback.get(flow.adminPort, "/").body.contains("/proc/nothing"))
    agent.send(SIGTERM)
    #expect(agent.wait() == 0)
  }

  @Test func saysWhyItCannotStart() async throws {
    let flow = try Flow(interval: "1s")
    let first = try flow.start()
    #expect(await eventually { flow.isReady })
    let second = try flow.start()
    #expect(second.wait() == 1)
    #expect(second.log.contains("the log is open in process"), "\(second.log)")
    first.send(SIGINT)
    #expect(first.wait() == 0)
  }

  @Test func marksTheEndOfATargetThatGoesAway() async throws {
    let flow = try Flow(interval: "1s")
    let agent = try flow.start()
    #expect(await eventually { (flow.metric("clymene_forwarder_rows_delivered_total") ?? 0) >= 4 }, "\(agent.log)")
    flow.exporter.send(SIGKILL)
    #expect(
      await eventually {
        try WrittenSample.read(flow.output).contains {
          $0.name == "node_memory_MemTotal_bytes" && $0.value == .word("stale")
        }
      })
    #expect(
      try WrittenSample.read(flow.output).contains {
        $0.name == "up" && $0.labels["job"] == "node" && $0.value == .number(0)
      })
    agent.send(SIGTERM)
    #expect(agent.wait() == 0)
  }

  @Test func endsAtOnceAtTheSecondSignal() async throws {
    let flow = try Flow(interval: "1s")
    let agent = try flow.start()
    #expect(await eventually { flow.isReady })
    // A destination that cannot be written to does not keep the program from ending either.
    agent.send(SIGTERM)
    agent.send(SIGTERM)
    #expect([0, 143].contains(agent.wait()))
  }
}

/// Each scrape has as many samples as it says itself: rows are never cut.
func expectWholeScrapes(_ samples: [WrittenSample]) throws {
  struct Scrape: Hashable {
    var job: String?
    var timestamp: Int64
  }
  let ups = samples.filter { $0.name == "up" && $0.value == .number(1) }
  let scraped = Dictionary(grouping: samples) { Scrape(job: $0.labels["job"], timestamp: $0.timestamp) }
  for up in ups {
    let scrape = scraped[Scrape(job: up.labels["job"], timestamp: up.timestamp)] ?? []
    let said = try #require(scrape.first { $0.name == "scrape_samples_scraped" }?.value.number)
    // The five series about the scrape itself come on top; those of an end are no samples of it.
    let own = scrape.count { $0.value != .word("stale") }
    #expect(Double(own) == said + 5, "\(up.labels["job"] ?? "") at \(up.timestamp)")
  }
}
