/// What happens to the parts of a chain while it works: at random, but the same for the same seed.
struct Misfortune {
  enum Event: Equatable {
    /// `kill -9` of the process with this index, and its start a moment later.
    case kill(Int)
    /// Of the link with this index, for so long.
    case link(Int, Link.State, seconds: Double)
  }

  /// With seconds from the start, in order.
  let events: [(at: Double, event: Event)]

  init(seconds: Double, every: Double, processes: Int, links: Int, seed: UInt64) {
    var random = SeededGenerator(state: seed)
    var events: [(Double, Event)] = []
    var at = every
    while at < seconds {
      let event: Event
      switch Int.random(in: 0..<4, using: &random) {
      case 0, 1: event = .kill(.random(in: 0..<processes, using: &random))
      case 2:
        event = .link(
          .random(in: 0..<links, using: &random), Bool.random(using: &random) ? .cut : .silent,
          seconds: .random(in: 0.2...3, using: &random))
      default:
        event = .link(
          .random(in: 0..<links, using: &random), .open(delayMilliseconds: .random(in: 1...60, using: &random)),
          seconds: .random(in: 0.5...3, using: &random))
      }
      events.append((at, event))
      at += .random(in: (every / 2)...(every * 1.5), using: &random)
    }
    self.events = events
  }
}

/// SplitMix64. https://prng.di.unimi.it/splitmix64.c
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
