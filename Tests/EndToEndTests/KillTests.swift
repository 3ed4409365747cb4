import Foundation
import Testing

/// `kill -9` again and again while the agent scrapes once a second. CLYMENE_SOAK_SECONDS and CLYMENE_SOAK_KILL_EVERY make it longer:
/// `make soak` is this test for ten minutes with a kill every ten seconds.
@Suite("Killed without warning", .serialized)
struct KillTests {
  private static func seconds(_ name: String, _ otherwise: Double) -> Double {
    ProcessInfo.processInfo.environment[name].flatMap(Double.init) ?? otherwise
  }

  /// A life of the agent: from ready to its end, in milliseconds since 1970.
  struct Life {
    var readyAt: Int64
    var endedAt: Int64
  }

  static let commitMilliseconds: Int64 = 500

  @Test func everyScrapeThatTheLogKnowsIsInTheFilesOnceAndNoSecondIsMissing() async throws {
    let total = Self.seconds("CLYMENE_SOAK_SECONDS", 36)
    let killEvery = Self.seconds("CLYMENE_SOAK_KILL_EVERY", 6)
    // Delivered rows stay, so that the log can be compared with the files at the end.
    let flow = try Flow(
      interval: "1s", wal: "commit_interval: \(Self.commitMilliseconds)ms\n  keep_delivered: 1d")
    var lives: [Life] = []
    let end = ContinuousClock.now + .seconds(total)
    while ContinuousClock.now < end {
      let agent = try flow.start()
      #expect(await eventually { flow.isReady }, "\(agent.log.suffix(2000))")
      let ready = Self.now()
      // Not always at the same place within a second.
      try await Task.sleep(for: .milliseconds(Int(killEvery * 1000) + Int.random(in: -450...450)))
      let killed = Self.now()
      agent.send(SIGKILL)
      #expect(agent.wait() == 128 + SIGKILL)
      lives.append(Life(readyAt: ready, endedAt: killed))
    }
    let agent = try flow.start()
    #expect(await eventually { flow.isReady }, "\(agent.log.suffix(2000))")
    let ready = Self.now()
    try await Task.sleep(for: .seconds(3))
    let asked = Self.now()
    agent.send(SIGTERM)
    #expect(agent.wait() == 0, "\(agent.log.suffix(2000))")
    lives.append(Life(readyAt: ready, endedAt: asked))

    try await deliverTheRest(flow)
    let files = try WrittenSample.read(flow.output)
    let log = try LogContents.samples(in: flow.folder.appending(path: "wal").path)
    #expect(files.count == log.count)
    let inFiles = Set(files.map(SampleIdentity.init))
    #expect(inFiles.count == files.count, "\(files.count - inFiles.count) lines are there twice")
    #expect(inFiles.symmetricDifference(log).isEmpty, "\(inFiles.symmetricDifference(log).prefix(5))")
    try expectWholeScrapes(files)
    expectNoSecondMissing(files, lives)
    print("killed \(lives.count - 1) times: \(files.count) samples, all of them once in log and files")
  }

  /// What the last stop left undelivered: one more start with nothing to scrape.
  private func deliverTheRest(_ flow: Flow) async throws {
    let file = flow.folder.appending(path: "agent.yml")
    let text = try String(contentsOf: file, encoding: .utf8)
    let start = try #require(text.range(of: "scrape_configs:"))
    let end = try #require(text.range(of: "wal:\n"))
    try Data((text[..<start.lowerBound] + text[end.lowerBound...]).utf8).write(to: file)
    let agent = try flow.start()
    #expect(await eventually { flow.isReady })
    #expect(await eventually { flow.metric("clymene_forwarder_waiting_rows") == 0 }, "\(agent.log.suffix(2000))")
    agent.send(SIGTERM)
    #expect(agent.wait() == 0)
  }

  /// In each life: from shortly after its start until the commit interval before its end, `up` of both targets once a second.
  private func expectNoSecondMissing(_ samples: [WrittenSample], _ lives: [Life]) {
    // A scrape, a commit and a little patience.
    let slack: Int64 = 1700
    var late: [String] = []
    var seconds = 0
    for job in ["node", "clymene"] {
      let times = samples.filter { $0.name == "up" && $0.labels["job"] == job }.map(\.timestamp).sorted()
      for life in lives {
        let last = life.endedAt - Self.commitMilliseconds
        let within = times.filter { $0 >= life.readyAt - 1000 && $0 <= life.endedAt }
        var before = life.readyAt
        for time in within + [last] {
          if time - before > slack {
            late.append("\(job): \(time - before) ms without a scrape until \(time), in a life until \(life.endedAt)")
          }
          // One tick may be skipped when the machine itself stood still; two in a row are a fault.
          #expect(time - before <= slack + 1000, "\(job): \(time - before) ms until \(time)")
          before = max(before, time)
        }
        seconds += within.count
      }
    }
    #expect(late.count <= max(1, seconds / 50), "\(late)")
  }

  private static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
