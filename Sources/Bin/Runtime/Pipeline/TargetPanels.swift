import Collectors
import HTTP
import Model
import Synchronization

/// What pages show of scraped targets, without secrets. What stays the same of a target, its URL and labels, is looked through once.
final class TargetPanels: Sendable {
  private struct Shown {
    let url: String
    let labels: [Label]
    let panel: StatusSnapshot.TargetPanel
  }

  private let secrets: SecretTexts
  /// By the targets' order, which changes only with the configuration.
  private let known = Mutex<[Shown]>([])
  /// Counts the targets that were looked through, for tests.
  private let looks = Mutex(0)

  init(hiding secrets: SecretTexts) { self.secrets = secrets }

  var lookedThrough: Int { looks.withLock { $0 } }

  func panels(of targets: [ScrapeTargetStatus], now: UnixMilliseconds) -> [StatusSnapshot.TargetPanel] {
    let before = known.withLock { $0 }
    let shown = targets.enumerated().map { index, target in
      if index < before.count, before[index].labels == target.labels, before[index].url == target.url {
        return before[index]
      }
      return lookThrough(target)
    }
    known.withLock { $0 = shown }
    return zip(shown, targets).map { shown, target in
      var panel = shown.panel
      panel.fill(target, now: now)
      panel.lastError = target.lastError.map(secrets.hide)
      return panel
    }
  }

  private func lookThrough(_ target: ScrapeTargetStatus) -> Shown {
    looks.withLock { $0 += 1 }
    let labels = Dictionary(target.labels.map { ($0.name, $0.value) }) { $1 }
    let panel = StatusSnapshot.TargetPanel(job: target.job, url: target.url, labels: labels, health: .unknown)
    return Shown(url: target.url, labels: target.labels, panel: panel.hiding(secrets))
  }
}

extension StatusSnapshot.TargetPanel {
  /// What changes with each scrape, but for the error.
  fileprivate mutating func fill(_ target: ScrapeTargetStatus, now: UnixMilliseconds) {
    health =
      switch target.health {
      case .up: .up
      case .down: .down
      case .unknown: .unknown
      }
    lastScrapeAt = target.lastScrape.map(RFC3339.format)
    lastScrapeAgeSeconds = target.lastScrape.map { max(0, $0.seconds(until: now)) }
    lastScrapeSeconds = target.lastDuration?.inSeconds
    intervalSeconds = target.interval.inSeconds
    samples = target.lastScrape == nil ? nil : target.samples
    series = target.lastScrape == nil ? nil : target.series
    nextScrapeInSeconds = target.nextScrape.map { now.seconds(until: $0) }
  }
}
