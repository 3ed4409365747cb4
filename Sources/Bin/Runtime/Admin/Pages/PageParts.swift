/// Pieces that all pages are made of. What they are given as HTML is escaped already; texts are escaped here.
enum PageParts {
  /// A word with a tone: `good`, `warn`, `bad` or `calm`.
  static func badge(_ text: String, _ tone: String) -> String {
    "<span class=\"badge \(tone)\">\(HTMLText.escape(text))</span>"
  }

  static func section(_ title: String, _ note: String = "", id: String, _ html: String) -> String {
    let small = note.isEmpty ? "" : " <small>\(HTMLText.escape(note))</small>"
    return "<section id=\"\(id)\"><h2>\(HTMLText.escape(title))\(small)</h2>\n\(html)</section>\n"
  }

  struct Column {
    var title: String
    /// Numbers stand at the right.
    var isNumber = false

    static func text(_ title: String) -> Column { Column(title: title) }
    static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
  }

  /// On narrow screens each row becomes a card; the titles stand before the cells then.
  static func table(_ name: String, _ columns: [Column], _ rows: [[String]]) -> String {
    var html = "<table class=\"\(name)\"><thead><tr>"
    for column in columns {
      html += column.isNumber ? "<th class=\"n\">" : "<th>"
      html += column.title + "</th>"
    }
    html += "</tr></thead><tbody>\n"
    for row in rows {
      html += "<tr>"
      for (column, cell) in zip(columns, row) {
        html += column.isNumber ? "<td class=\"n\"" : "<td"
        html += " data-t=\"\(column.title)\">\(cell)</td>"
      }
      html += "</tr>\n"
    }
    return html + "</tbody></table>"
  }

  /// Names and values, of which the values are HTML.
  static func facts(_ facts: [(name: String, html: String)]) -> String {
    "<dl>" + facts.map { "<div><dt>\(HTMLText.escape($0.name))</dt><dd>\($0.html)</dd></div>" }.joined(separator: "\n")
      + "</dl>\n"
  }

  /// A figure that is seen from afar.
  static func tile(_ name: String, _ value: String, _ note: String, tone: String = "", extra: String = "") -> String {
    """
    <div class="tile \(tone)"><small>\(HTMLText.escape(name))</small><b>\(HTMLText.escape(value))</b>\
    <span>\(HTMLText.escape(note))</span>\(extra)</div>

    """
  }

  /// `share` from 0 to 1.
  static func bar(_ share: Double, label: String, tone: String = "") -> String {
    let percent = (min(max(share, 0), 1) * 1000).rounded() / 10
    return """
      <div class="bar \(tone)" role="img" aria-label="\(HTMLText.escape(label))"><i style="width:\(percent)%"></i></div>
      """
  }

  /// `areEven`: they fill the width together.
  static func charts(_ charts: [Chart], areEven: Bool = false) -> String {
    "<div class=\"charts\(areEven ? " even" : "")\">\n" + charts.map { $0.html() }.joined() + "</div>\n"
  }

  static func time(_ text: String, ageSeconds: Double?) -> String {
    let shown = ageSeconds.map { Figures.span(max(0, $0.rounded())) + " ago" } ?? HTMLText.escape(text)
    return "<time datetime=\"\(HTMLText.escape(text))\" title=\"\(HTMLText.escape(text))\">\(shown)</time>"
  }
}
