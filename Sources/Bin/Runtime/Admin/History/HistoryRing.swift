/// The last hour of one figure: a value every ten seconds, oldest first; NaN where there is none.
struct HistoryRing: Sendable, Equatable {
  static let pointLimit = 360

  private var points: [Float] = []
  /// Where the next value goes once the ring is full.
  private var next = 0

  init() { points.reserveCapacity(HistoryRing.pointLimit) }

  mutating func append(_ value: Float) {
    if points.count < HistoryRing.pointLimit {
      points.append(value)
    } else {
      points[next] = value
      next = (next + 1) % HistoryRing.pointLimit
    }
  }

  var count: Int { points.count }

  var values: [Float] { Array(points[next...] + points[..<next]) }

  /// The newest value that there is.
  var last: Float? { values.last { !$0.isNaN } }

  /// Over the newest `count` points; nil when none of them has a value.
  func mean(ofLast count: Int) -> Double? {
    let known = values.suffix(count).filter { !$0.isNaN }
    return known.isEmpty ? nil : known.reduce(0) { $0 + Double($1) } / Double(known.count)
  }
}
