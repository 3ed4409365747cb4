/// What the pages of a gateway show in place of targets: senders and protocols.
enum GatewayParts {
  static func tiles(_ gateway: StatusSnapshot.GatewayPanel, rate: String) -> String {
    let seen = gateway.senders.first.map { "the last one \(Figures.span($0.lastSeenAgeSeconds.rounded())) ago" }
    return PageParts.tile("Senders", Figures.grouped(gateway.senderCount), seen ?? "none has sent anything yet")
      + PageParts.tile(
        "Received", rate,
        "\(Figures.grouped(gateway.rows)) rows, \(Figures.grouped(gateway.entries)) "
          + (gateway.signal == "logs" ? "entries" : "samples"))
  }

  static func senders(_ gateway: StatusSnapshot.GatewayPanel, limit: Int) -> String {
    if gateway.senders.isEmpty { return "<p>Nobody has sent anything yet.</p>" }
    let table = PageParts.table(
      "compact",
      [
        .text("sender"), .number("last seen"), .number("requests"), .number("rows"), .number("entries"),
        .number("bytes"), .number("errors"), .text("last error"),
      ],
      gateway.senders.prefix(limit).map { sender in
        [
          "<b>\(HTMLText.escape(sender.name))</b>", Figures.span(sender.lastSeenAgeSeconds.rounded()) + " ago",
          Figures.grouped(sender.requests), Figures.grouped(sender.rows), Figures.grouped(sender.entries),
          Figures.bytes(Int(clamping: sender.bytes)), Figures.grouped(sender.errors),
          HTMLText.escape(sender.lastError ?? ""),
        ]
      })
    let more = gateway.senderCount - min(limit, gateway.senders.count)
    return table + (more > 0 ? "<p>and \(Figures.grouped(more)) more</p>" : "")
  }

  static func protocols(_ gateway: StatusSnapshot.GatewayPanel) -> String {
    if gateway.protocols.isEmpty { return "<p>No request has come yet.</p>" }
    return PageParts.table(
      "compact", [.text("protocol"), .text("requests by what came of them")],
      gateway.protocols.map { entry in
        [
          "<b>\(HTMLText.escape(entry.name))</b>",
          entry.requests.sorted { $0.key < $1.key }.map {
            "\(HTMLText.escape($0.key)) \(Figures.grouped($0.value))"
          }.joined(separator: ", "),
        ]
      })
  }
}
