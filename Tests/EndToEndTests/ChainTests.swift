import Foundation
import Testing

/// Agents, gateways behind each other, and links between them that fail. CLYMENE_SOAK_CHAIN_SECONDS makes it long: `make soak-chain` is this
/// suite for minutes, with the release build.
@Suite("A chain of gateways", .serialized)
struct ChainTests {
  private static let seconds =
    ProcessInfo.processInfo.environment["CLYMENE_SOAK_CHAIN_SECONDS"].flatMap(Double.init) ?? 24

  /// The parts of a chain, in the order in which rows pass them.
  private struct Chain {
    var exporters: [LoadExporter]
    var agents: [LoadedAgent]
    var gateways: [GatewayProcess]
    var links: [Link]

    var processes: [ClymeneProcess] { agents + gateways }

    func start() async throws { for process in processes.reversed() { try await process.start() } }

    /// Lets misfortune happen, ends the scraping, repairs everything and returns when all is delivered.
    func suffer(seconds: Double, seed: UInt64) async throws -> (kills: Int, faults: Int) {
      let misfortune = Misfortune(
        seconds: seconds, every: 1.5, processes: processes.count, links: links.count, seed: seed)
      let begin = ContinuousClock.now
      var repairs: [(at: Double, link: Int)] = []
      var kills = 0
      func repair(until at: Double) async throws {
        for one in repairs.filter({ $0.at <= at }).sorted(by: { $0.at < $1.at }) {
          try await Task.sleep(until: begin + .seconds(one.at))
          links[one.link].set(.open(delayMilliseconds: 0))
        }
        repairs.removeAll { $0.at <= at }
      }
      for (at, event) in misfortune.events {
        try await repair(until: at)
        try await Task.sleep(until: begin + .seconds(at))
        switch event {
        case .kill(let index):
          #expect(processes[index].end(SIGKILL) == 128 + SIGKILL, "\(processes[index].said)")
          try await processes[index].start()
          kills += 1
        case .link(let index, let state, let seconds):
          links[index].set(state)
          repairs.append((at + seconds, index))
        }
      }
      try await Task.sleep(until: begin + .seconds(seconds))
      for link in links { link.set(.open(delayMilliseconds: 0)) }
      for agent in agents {
        #expect(agent.end(SIGTERM) == 0, "\(agent.said)")
        try agent.scrapeNothing()
        try await agent.start()
      }
      for process in processes {
        let isDelivered = await eventually(seconds: 120) {
          let waiting = process.metrics().filter { $0.key.hasPrefix("clymene_forwarder_waiting_rows") }
          return !waiting.isEmpty && waiting.values.allSatisfy { $0 == 0 }
        }
        #expect(isDelivered, "\(process.name): \(process.said)")
      }
      for process in processes { #expect(process.end(SIGTERM) == 0, "\(process.said)") }
      for link in links { link.close() }
      for exporter in exporters { exporter.server.stop() }
      let faults = misfortune.events.count - kills
      #expect(kills > 0 && faults > 0, "nothing happened to the chain")
      return (kills, faults)
    }
  }

  /// Every sample of the agents' logs stands in the files once, and nothing else does.
  private func expectOnce(_ chain: Chain, in output: URL, _ what: String) throws {
    var sent: [SampleIdentity] = []
    for agent in chain.agents { sent += try LogContents.samples(in: agent.log.path) }
    let arrived = try WrittenSample.read(output).map(SampleIdentity.init)
    let (inLogs, inFiles) = (Set(sent), Set(arrived))
    #expect(inLogs.count == sent.count)
    #expect(arrived.count == inFiles.count, "\(arrived.count - inFiles.count) samples are there twice")
    #expect(inLogs.subtracting(inFiles).isEmpty, "missing: \(inLogs.subtracting(inFiles).count) of \(inLogs.count)")
    #expect(inFiles.subtracting(inLogs).isEmpty, "foreign: \(inFiles.subtracting(inLogs).count)")
    #expect(sent.count > 1000)
    for process in chain.processes { #expect(try process.deadLetters().isEmpty) }
    print("\(what): \(sent.count) samples, all of them once behind the last hop")
  }

  @Test func bringsEveryRowOnceThroughTwoHopsWhateverDies() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let second = try GatewayProcess(named: "second", forwarders: [GatewayProcess.files()], in: folder)
    let between = try Link(to: second.grpcPort)
    let first = try GatewayProcess(
      named: "first", forwarders: [GatewayProcess.forwarder(to: [between.port], more: "timeout: 2s")], in: folder)
    var chain = Chain(exporters: [], agents: [], gateways: [first, second], links: [between])
    for number in 1...2 {
      let link = try Link(to: number == 1 ? first.grpcPort : first.httpPort)
      let exporter = try LoadExporter(targets: 3, series: 60)
      chain.links.append(link)
      chain.exporters.append(exporter)
      chain.agents.append(
        try LoadedAgent(
          exporter: exporter, interval: "1s",
          forwarders: [
            GatewayProcess.forwarder(
              to: [link.port], more: "timeout: 2s, protocol: \(number == 1 ? "grpc" : "http")")
          ], labels: "agent: \"\(number)\"", named: "agent-\(number)", in: folder))
    }
    try await chain.start()
    let (kills, faults) = try await chain.suffer(seconds: Self.seconds, seed: 1)
    try expectOnce(chain, in: second.output(), "two hops, \(kills) kills, \(faults) faults of links")
  }

  @Test func bringsEveryRowOnceThroughTwoGatewaysBesideEachOther() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let center = try GatewayProcess(named: "center", forwarders: [GatewayProcess.files()], in: folder)
    let sides = try ["left", "right"].map {
      try GatewayProcess(
        named: $0, forwarders: [GatewayProcess.forwarder(to: [center.grpcPort], more: "timeout: 2s")], in: folder)
    }
    var chain = Chain(exporters: [], agents: [], gateways: sides + [center], links: [])
    for side in sides { chain.links.append(try Link(to: side.grpcPort)) }
    let exporter = try LoadExporter(targets: 3, series: 60)
    chain.exporters.append(exporter)
    chain.agents.append(
      try LoadedAgent(
        exporter: exporter, interval: "1s",
        forwarders: [
          // So soon, that a side which holds the rows and is away is often passed by.
          GatewayProcess.forwarder(to: chain.links.map(\.port), more: "timeout: 1s, failover_after: 1s")
        ], in: folder))
    try await chain.start()
    let (kills, faults) = try await chain.suffer(seconds: Self.seconds, seed: 2)
    try expectOnce(chain, in: center.output(), "two gateways, \(kills) kills, \(faults) faults of links")
  }
}
