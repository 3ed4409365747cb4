/// What is left out of a request, put together by what is wrong: the first case of each is told in full.
struct Rejections {
  private struct Kind {
    let isTemporary: Bool
    let reason: String
    var count = 0
    var cases = 0
  }

  private var kinds: [Kind] = []
  private var known: [String: Int] = [:]

  /// `reason` is asked for once a kind.
  mutating func add(_ kind: String, isTemporary: Bool = false, count: Int, reason: @autoclosure () -> String) {
    let at: Int
    if let before = known[kind] {
      at = before
    } else {
      at = kinds.count
      known[kind] = at
      kinds.append(Kind(isTemporary: isTemporary, reason: reason()))
    }
    kinds[at].count += count
    kinds[at].cases += 1
  }

  var list: [Push.Rejection] {
    kinds.map { kind in
      let more = kind.cases > 1 ? " (and \(kind.cases - 1) more like it)" : ""
      return .init(isTemporary: kind.isTemporary, reason: kind.reason + more, count: kind.count)
    }
  }
}
