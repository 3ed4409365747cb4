import Codec

// What a cache keeps only as long as series come that are new: for a target in its steady state it would be more than all the rest.
extension ScrapeCache {
  /// Makes `slotOf` anew where it was let go.
  mutating func knowSlots() throws(FormatError) {
    scrapesWithoutNew = 0
    guard slotOf == nil else { return }
    scrapesToRest = Self.restAgainAfterScrapes
    var slotOf: [SeriesIdentity: UInt32] = [:]
    slotOf.reserveCapacity(states.count)
    var slot: UInt32 = 0
    try parts.visit { series in
      slotOf[SeriesIdentity(series.labels)] = slot
      slot += 1
    }
    self.slotOf = slotOf
  }

  /// Called at the end of each scrape: lets go of what serves new series only when none has come for a while, and of the arrays' room for more.
  mutating func rest() {
    index.rest(after: Self.restAfterScrapes)
    scrapesWithoutNew += scrapesWithoutNew <= scrapesToRest ? 1 : 0
    guard scrapesWithoutNew == scrapesToRest else { return }
    slotOf = nil
    states = states.compacted
    lastOwn = lastOwn.compacted
    index.compact()
  }
}
