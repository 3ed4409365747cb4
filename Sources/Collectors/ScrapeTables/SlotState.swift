/// What is known of a series in this scrape and in the ones before, in a byte.
struct SlotState: OptionSet, Sendable {
  let rawValue: UInt8

  /// Had a sample in this scrape.
  static let met = SlotState(rawValue: 1)
  /// The target wrote the series in this scrape, if only with a sample that is stored already.
  static let alive = SlotState(rawValue: 2)
  /// Had a sample with a timestamp of its own in this scrape, stored or not.
  static let own = SlotState(rawValue: 4)
  /// Had a sample without its own timestamp in the last scrape, so it gets a marker when it is gone.
  static let tracked = SlotState(rawValue: 8)
  /// Was there in the last scrape that succeeded.
  static let known = SlotState(rawValue: 16)

  static let ofFormerScrapes: SlotState = [.tracked, .known]

  mutating func set(_ member: SlotState, _ isSet: Bool) {
    if isSet { insert(member) } else { remove(member) }
  }
}
