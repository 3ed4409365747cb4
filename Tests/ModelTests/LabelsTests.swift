import Testing

@testable import Model

@Suite struct LabelsTests {
  @Test("Labels are in the order of their names' bytes, whatever order they came in")
  func order() {
    let labels = Labels([Label("b", "1"), Label("B", "2"), Label("_", "3"), Label("ä", "4"), Label("a", "5")])
    #expect(labels.pairs.map(\.name) == ["B", "_", "a", "b", "ä"])
    #expect(labels == Labels(labels.pairs.reversed()))
  }

  @Test("Of two labels with one name the later one stays")
  func duplicates() {
    let labels = Labels([Label("a", "1"), Label("b", "2"), Label("a", "3")])
    #expect(labels.pairs == [Label("a", "3"), Label("b", "2")])
  }

  @Test("Names that only Unicode takes for the same are two labels")
  func bytes() {
    let composed = "\u{e9}"
    let decomposed = "e\u{301}"
    #expect(composed == decomposed)
    let labels = Labels([Label(composed, "1"), Label(decomposed, "2")])
    #expect(labels.pairs.count == 2)
    #expect(labels[composed] == "1" && labels[decomposed] == "2")
    #expect(Set([ByteString(composed), ByteString(decomposed)]).count == 2)
  }

  @Test("A series is shown as PromQL writes it")
  func description() {
    #expect(Labels([Label("__name__", "up"), Label("job", "node")]).description == "up{job=\"node\"}")
    #expect(Labels([Label("__name__", "up")]).description == "up")
    #expect(Labels([]).description == "{}")
  }
}

@Suite struct IdentityTests {
  @Test("A tenant's name has at most 150 bytes, counted as UTF-8")
  func tenant() {
    #expect(Tenant(String(repeating: "x", count: 150)) != nil)
    #expect(Tenant(String(repeating: "x", count: 151)) == nil)
    #expect(Tenant(String(repeating: "ä", count: 76)) == nil)
  }

  @Test("An origin is shown in the order of its bytes")
  func origin() {
    #expect(Origin(low: 0x0706_0504_0302_0100, high: 0x0f).description == "00010203040506070f00000000000000")
  }

  @Test("Only the exact bits are the staleness marker")
  func stale() {
    #expect(StaleMarker.matches(StaleMarker.value))
    #expect(StaleMarker.value.isNaN)
    #expect(!StaleMarker.matches(.nan))
  }
}
