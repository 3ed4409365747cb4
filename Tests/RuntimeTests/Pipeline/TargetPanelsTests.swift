import Collectors
import HTTP
import Model
import Testing

@testable import Runtime

@Suite("What pages show of targets")
struct TargetPanelsTests {
  private func targets(_ token: String) -> [ScrapeTargetStatus] {
    let job = ScrapeJob(
      name: "job",
      targets: ["a:1", "b:1"].map { ScrapeTarget(address: $0, labels: [Label("site", token)]) },
      interval: .seconds(10), timeout: .seconds(5))
    return ScrapeCollector(jobs: [job], http: HTTPSessions()).targets
  }

  @Test func isLookedThroughOnceUntilTheTargetsChange() {
    var secrets = SecretTexts()
    secrets.insert("hunter-two")
    let panels = TargetPanels(hiding: secrets)
    for _ in 0..<3 {
      let shown = panels.panels(of: targets("hunter-two"), now: UnixMilliseconds(0))
      #expect(shown.map { $0.labels["site"] } == ["<secret>", "<secret>"])
      #expect(shown.map(\.url) == ["http://a:1/metrics", "http://b:1/metrics"])
    }
    #expect(panels.lookedThrough == 2)
    #expect(panels.panels(of: targets("plain"), now: UnixMilliseconds(0)).first?.labels["site"] == "plain")
    #expect(panels.lookedThrough == 4)
  }
}
