/// What a person should look at, the worst first.
struct Attention: Equatable {
  var page: PageFrame.Page
  var subject: String
  var text: String
  /// Data is lost or stands still; otherwise it may become so.
  var isSevere: Bool

  static func items(_ status: StatusSnapshot) -> [Attention] {
    var items: [Attention] = []
    func add(_ page: PageFrame.Page, _ subject: String, _ text: String, severe: Bool) {
      items.append(Attention(page: page, subject: subject, text: text, isSevere: severe))
    }
    for panel in status.forwarders {
      switch panel.state {
      case .held: add(.forwarders, panel.name, "is held: \(panel.alarm ?? panel.lastError ?? "")", severe: true)
      case .retrying:
        add(
          .forwarders, panel.name,
          "does not get through (\(Figures.grouped(panel.failuresInARow)) failures in a row): \(panel.lastError ?? "")",
          severe: true)
      case .idle, .delivering: break
      }
    }
    if status.log.full {
      add(
        .log, "the log",
        "is full: "
          + (status.log.whenFull == "reject" ? "new rows are not taken" : "the oldest rows are dropped"), severe: true)
    }
    for remark in status.log.remarks { add(.log, "the log:", remark, severe: false) }
    for target in status.targets where target.health == .down {
      add(.targets, "\(target.job) \(target.url)", "is down: \(target.lastError ?? "")", severe: false)
    }
    for panel in status.forwarders {
      if panel.deadLetterRows > 0 {
        add(
          .forwarders, panel.name,
          "refused \(Figures.grouped(panel.deadLetterRows)) rows; they lie in the dead letters",
          severe: false)
      }
      if panel.droppedRows + panel.missingRows > 0 {
        add(
          .forwarders, panel.name,
          "will not get \(Figures.grouped(panel.droppedRows)) dropped and \(Figures.grouped(panel.missingRows)) missing rows",
          severe: false)
      }
    }
    if status.log.deadLetters > 0 {
      add(
        .log, "the log",
        "holds \(Figures.grouped(status.log.deadLetters)) dead letters (look at them with clymene wal dead-letters)",
        severe: false)
    }
    return items.filter(\.isSevere) + items.filter { !$0.isSevere }
  }
}
