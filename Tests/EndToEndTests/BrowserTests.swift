import Foundation
import Testing

/// The pages as a browser shows them: the built agent, which scrapes itself, a node_exporter and a target that is not there.
@Suite("In a browser", .serialized)
struct BrowserTests {
  @Test func eachPageShowsWhatTheAgentDoesWithoutAnythingFromOutside() async throws {
    let dead = try Loopback.freePort()
    let flow = try Flow(
      interval: "1s",
      jobs: """
          - job_name: dead
            static_configs:
              - targets: ["127.0.0.1:\(dead)"]
        """, forwarders: "- {name: broken, type: file, path: /proc/nothing}")
    let agent = try flow.start()
    defer { agent.send(SIGKILL) }
    // The second point of the history is the first one with rates.
    #expect(
      await eventually {
        let history = try JSONSerialization.jsonObject(
          with: Data(Loopback.get(flow.adminPort, "/api/v1/history").body.utf8))
        let samples = (history as? [String: Any])?["samples_per_second"] as? [Any]
        return samples?.last is Double && samples?.count ?? 0 >= 2
      }, "\(agent.log)")

    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let browser = try Browser(folder: folder)
    let blank = try browser.visit("http://127.0.0.1:\(flow.adminPort)/-/healthy")
    let expected: [String: (parts: [String], charts: Int)] = [
      "/": (["id=\"attention\"", "id=\"jobs\"", "id=\"charts\"", "2 of 3 up", "/proc/nothing", "dead"], 5),
      "/targets": (["127.0.0.1:\(flow.exporterPort)", "127.0.0.1:\(dead)", ">down<", ">up<", "rack="], 0),
      "/targets?health=down": (["127.0.0.1:\(dead)", "refused"], 0),
      "/log": (["id=\"consumers\"", "id=\"tenants\"", "drop-oldest", "broken", "local"], 2),
      "/forwarders": (["id=\"f-local\"", "id=\"f-broken\"", "/proc/nothing", "in dead letters", "oldest waits"], 8),
      "/config": (["job_name: dead", "site: test", "path: /proc/nothing"], 0),
    ]
    for (path, page) in expected.sorted(by: { $0.key < $1.key }) {
      let address = "http://127.0.0.1:\(flow.adminPort)\(path)"
      let visit = try browser.visit(address)
      for part in page.parts { #expect(visit.document.contains(part), "\(part) is missing in \(path)") }
      let lines = visit.document.components(separatedBy: "<path class=\"line\" d=\"M").count - 1
      #expect(lines == page.charts, "charts of \(path)")
      #expect(visit.complaints.isEmpty, "\(path): \(visit.complaints)")
      #expect(visit.requests == [address], "\(path) asked for \(visit.requests)")
      #expect(visit.document.contains("Clymene") && !visit.document.contains("<script"))
      #expect(visit.screenshot.count > 3 * blank.screenshot.count, "\(path) is as good as blank")
    }

    // A phone, and the dark.
    let light = try browser.visit("http://127.0.0.1:\(flow.adminPort)/config", width: 390, height: 844)
    let dark = try browser.visit("http://127.0.0.1:\(flow.adminPort)/config", width: 390, height: 844, isDark: true)
    #expect(light.screenshot != dark.screenshot, "the reader's preference counts")

    agent.send(SIGTERM)
    #expect(agent.wait() == 0)
  }
}
