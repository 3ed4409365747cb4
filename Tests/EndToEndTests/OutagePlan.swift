/// When what goes away in a run against two databases: kills of the agent spread evenly, and each database once for a fifth of the run.
struct OutagePlan {
  enum Step: Equatable {
    case kill
    case stop(Database.Kind)
    case start(Database.Kind)
  }

  /// In order, with seconds from the start.
  let steps: [(at: Double, step: Step)]

  init(seconds: Double, kills: Int) {
    var steps: [(at: Double, step: Step)] = [
      (0.2, .stop(.victoriaMetrics)), (0.4, .start(.victoriaMetrics)), (0.6, .stop(.prometheus)),
      (0.8, .start(.prometheus)),
    ]
    for kill in 0..<kills { steps.append(((Double(kill) + 0.5) / Double(kills), .kill)) }
    self.steps = steps.map { ($0.at * seconds, $0.step) }.sorted { $0.at < $1.at }
  }
}
