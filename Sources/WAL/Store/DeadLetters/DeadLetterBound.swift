/// Which dead letters go to make room for a new one, decided without touching any.
enum DeadLetterBound {
  struct Letter: Equatable, Sendable {
    var name: DeadLetterName
    var bytes: Int
  }

  struct Limits: Sendable {
    var bytes: Int
    /// So that a destination that refuses one row after the other does not make a directory that nobody can list.
    var letters = 10_000
  }

  /// The oldest first; those whose redrive was asked for only when no other is left. The new one stays even when it alone is past the
  /// bound. `mayGo` is asked only about letters that would go: damaged ones stay for somebody to look at.
  static func leaving(
    _ letters: [Letter], adding bytes: Int, limits: Limits, mayGo: (Letter) -> Bool
  ) -> [Letter] {
    var total = letters.reduce(bytes) { $0 + $1.bytes }
    var count = letters.count + 1
    var gone: [Letter] = []
    let inOrder = letters.sorted { a, b in
      let (aStays, bStays) = (a.name.state == .redrive, b.name.state == .redrive)
      return aStays != bStays ? bStays : a.name.number < b.name.number
    }
    for letter in inOrder {
      guard total > limits.bytes || count > limits.letters else { break }
      guard mayGo(letter) else { continue }
      total -= letter.bytes
      count -= 1
      gone.append(letter)
    }
    return gone
  }
}
