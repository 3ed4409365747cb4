/// A small chart of one figure's last hour: inline SVG, drawn on the server, readable without script, style or colour.
struct Chart {
  enum Unit: Sendable {
    case perSecond
    case bytes
    case bytesPerSecond
    case rows
    case seconds
    /// Shown as per cent.
    case cores

    func text(_ value: Double) -> String {
      switch self {
      case .perSecond: Figures.short(value) + "/s"
      case .bytes: Figures.bytes(value)
      case .bytesPerSecond: Figures.bytes(value) + "/s"
      case .rows: value.magnitude < 1e15 ? Figures.grouped(Int(value.rounded())) : "–"
      case .seconds: Figures.span(value)
      case .cores: Figures.short(value * 100) + " %"
      }
    }

    /// Ticks of the scale are round in this: bytes by 1,024, time by 60.
    fileprivate func base(_ value: Double) -> Double {
      switch self {
      case .bytes, .bytesPerSecond:
        var base = 1.0
        while value >= base * 1024 { base *= 1024 }
        return base
      case .seconds: return value >= 7200 ? 3600 : value >= 120 ? 60 : 1
      case .cores: return 0.01
      case .perSecond, .rows: return 1
      }
    }
  }

  var title: String
  var unit: Unit
  /// Oldest first, one a step; NaN where there is none. The newest stands at the right edge.
  var values: [Float]
  /// The tone of the line, a class of the style sheet: `one`, `two`, `bad`.
  var tone = "one"

  private static let height = 60.0

  /// How many steps of the history the chart is wide: soon after a start, ten minutes or half an hour.
  private var width: Int { [60, 180].first { values.count <= $0 } ?? HistoryRing.pointLimit }
  /// So many points share one text that a pointer brings up.
  private var tipPoints: Int { width == 60 ? 2 : width / 36 }

  /// The largest value of the scale: 1, 1.5, 2, 3, 4, 5, 6, 8 or 10 times a power of ten that no value exceeds.
  static func ceiling(_ value: Double, _ unit: Unit) -> Double {
    guard value.isFinite, value > 0 else { return unit.base(0) }
    let base = unit.base(value)
    var power = base
    while power * 10 < value { power *= 10 }
    while power > value { power /= 10 }
    for factor in [1, 1.5, 2, 3, 4, 5, 6, 8, 10] where power * factor >= value { return power * factor }
    return power * 10
  }

  func html() -> String {
    let known = values.filter(\.isFinite).map { Double($0) }
    let caption =
      "<figcaption><span>\(HTMLText.escape(title))</span> <b>\(known.last.map(unit.text) ?? "–")</b></figcaption>"
    guard let lowest = known.min(), let highest = known.max() else {
      return "<figure>\(caption)<div class=\"plot\"><p>The first value comes within 10 seconds.</p></div></figure>"
    }
    let top = Chart.ceiling(highest, unit)
    let minutes = width * Int(History.stepSeconds) / 60
    let span = "lowest \(unit.text(lowest)), highest \(unit.text(highest))"
    let label = HTMLText.escape("\(title), the last \(minutes) minutes: now \(unit.text(known.last ?? 0)), \(span)")
    return """
      <figure class="\(tone)">\(caption)
      <div class="plot"><svg viewBox="0 0 \(width) \(Int(Chart.height))" preserveAspectRatio="none" role="img" \
      aria-label="\(label)"><path class="grid" d="M0,.5H\(width)M0,30H\(width)M0,59.5H\(width)"/>\
      <path class="area" d="\(path(top: top, isClosed: true))"/><path class="line" d="\(path(top: top, isClosed: false))"/>\
      \(tips())</svg><span>\(unit.text(top))</span><span class="range">\(span)</span></div>
      <div class="axis"><span>\(minutes) min ago</span><span>now</span></div></figure>

      """
  }

  /// Runs of known values as lines, in relative steps so that flat stretches are short; closed down to zero for an area.
  func path(top: Double, isClosed: Bool) -> String {
    let first = width - values.count
    var path = ""
    var start: Int?
    var y = 0
    var flat = 0
    func height(_ value: Float) -> Int {
      Int((Chart.height - min(max(Double(value) / top, 0), 1) * (Chart.height - 2) - 1).rounded())
    }
    func finish(_ x: Int) {
      guard let from = start else { return }
      // A value alone is as wide as its step.
      if flat > 0 || from == x { path += "h\(max(flat, 1))" }
      if isClosed { path += "V\(Int(Chart.height))H\(from)z" }
      start = nil
      flat = 0
    }
    for (index, value) in values.enumerated() {
      let x = first + index
      guard value.isFinite else {
        finish(x - 1)
        continue
      }
      let next = height(value)
      if start == nil {
        // The last point ends at the edge.
        let from = x == width - 1 ? x - 1 : x
        path += "M\(from),\(next)"
        start = from
        if from < x { flat = 1 }
      } else if next == y {
        flat += 1
      } else {
        if flat > 0 { path += "h\(flat)" }
        path += "l1\(next < y ? "" : ",")\(next - y)"
        flat = 0
      }
      y = next
    }
    finish(width - 1)
    return path
  }

  /// Invisible columns with the mean and the highest value of their minutes.
  private func tips() -> String {
    let first = width - values.count
    var result = "<g class=\"tips\">"
    for column in 0..<(width / tipPoints) {
      let from = column * tipPoints
      let inside = (from..<from + tipPoints).compactMap { x in
        x >= first && values[x - first].isFinite ? Double(values[x - first]) : nil
      }
      guard let highest = inside.max() else { continue }
      let mean = inside.reduce(0, +) / Double(inside.count)
      let seconds = Int(Double(width - from - tipPoints / 2) * History.stepSeconds)
      let age = seconds >= 120 ? "\((seconds + 30) / 60) min" : "\(seconds) s"
      result += "<rect x=\"\(from)\" width=\"\(tipPoints)\" height=\"60\"><title>"
      result += "\(age) ago: \(unit.text(mean)), highest \(unit.text(highest))</title></rect>"
    }
    return result + "</g>"
  }
}

extension Chart {
  init(_ title: String, _ unit: Unit, _ ring: HistoryRing, tone: String = "one") {
    self.init(title: title, unit: unit, values: ring.values, tone: tone)
  }
}
