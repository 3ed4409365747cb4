import Testing

@testable import Forwarders

@Suite struct GatewayChoiceTests {
  private static let start = ContinuousClock.now
  private static let places = ["a", "b", "c", "d"].map { GatewayPlace(host: $0, port: 15_610) }

  private static func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

  private func choice(_ identity: String = "till-7", places: [GatewayPlace] = places) -> GatewayChoice {
    var choice = GatewayChoice(identity: identity, failoverAfter: .seconds(30))
    choice.update(places, now: Self.start)
    return choice
  }

  @Test func `Many senders spread evenly over all gateways, and those of a lost one over the rest`() {
    var counts: [GatewayPlace: Int] = [:]
    var moved: [GatewayPlace: Int] = [:]
    for sender in 0..<4000 {
      let order = choice("till-\(sender)").order
      counts[order[0], default: 0] += 1
      let left = Self.places.filter { $0 != Self.places[0] }
      let after = choice("till-\(sender)", places: left).order[0]
      if order[0] == Self.places[0] { moved[after, default: 0] += 1 } else { #expect(after == order[0]) }
    }
    for place in Self.places { #expect((850...1150).contains(counts[place] ?? 0), "\(counts)") }
    #expect(moved.count == 3 && moved.values.allSatisfy { $0 > 200 }, "\(moved)")
  }

  @Test func `The order does not depend on how the addresses are written down`() {
    #expect(choice().order == choice(places: Self.places.reversed() + Self.places).order)
  }

  @Test func `A gateway that cannot be reached makes room for the next at once, and all get their turn`() {
    var choice = choice()
    var seen: [GatewayPlace?] = []
    for second in 0..<5 {
      seen.append(choice.place(now: Self.at(second)))
      choice.note(.unreachable, now: Self.at(second))
    }
    #expect(seen == choice.order + [choice.order[0]])
  }

  @Test func `What is in doubt goes to the same gateway until its time is over, whether it can be reached or not`() {
    var choice = choice()
    let first = choice.place(now: Self.at(0))
    choice.note(.inDoubt, now: Self.at(1))
    choice.note(.unreachable, now: Self.at(2))
    choice.note(.inDoubt, now: Self.at(20))
    #expect(choice.place(now: Self.at(30)) == first)
    #expect(choice.place(now: Self.at(31)) == choice.order[1])
  }

  @Test func `An answer ends the doubt`() {
    var choice = choice()
    choice.note(.inDoubt, now: Self.at(1))
    choice.note(.settled, now: Self.at(5))
    #expect(choice.place(now: Self.at(500)) == choice.order[0])
  }

  @Test func `A gateway that takes nothing is left after the same time`() {
    var choice = choice()
    choice.note(.declined, now: Self.at(0))
    choice.note(.declined, now: Self.at(29))
    #expect(choice.place(now: Self.at(29)) == choice.order[0])
    #expect(choice.place(now: Self.at(30)) == choice.order[1])
  }

  @Test func `It goes back to the first choice after five minutes, when nothing is open and it is there`() {
    var choice = choice()
    choice.note(.unreachable, now: Self.at(0))
    #expect(choice.place(now: Self.at(299)) == choice.order[1])
    choice.note(.inDoubt, now: Self.at(290))
    #expect(choice.place(now: Self.at(301)) == choice.order[1])
    choice.note(.settled, now: Self.at(302))
    #expect(choice.place(now: Self.at(303)) == choice.order[0])
    choice.note(.unreachable, now: Self.at(303))
    #expect(choice.place(now: Self.at(304)) == choice.order[1])
    #expect(choice.place(now: Self.at(602)) == choice.order[1])
    #expect(choice.place(now: Self.at(603)) == choice.order[0])
    choice.note(.reached, now: Self.at(603))
    #expect(choice.place(now: Self.at(2000)) == choice.order[0])
  }

  @Test func `One address alone stays, come what may`() {
    var choice = choice(places: [Self.places[0]])
    for event in [GatewayChoice.Event.unreachable, .inDoubt, .declined, .settled] {
      choice.note(event, now: Self.at(0))
      #expect(choice.place(now: Self.at(1000)) == Self.places[0])
    }
  }

  @Test func `When a name's addresses change, the current gateway stays while it is among them`() {
    var choice = choice()
    choice.note(.unreachable, now: Self.at(0))
    let second = choice.order[1]
    choice.update(choice.order.reversed().dropLast().map { $0 }, now: Self.at(0))
    #expect(choice.place(now: Self.at(1)) == second)
    choice.update(Self.places.filter { $0 != second }, now: Self.at(1))
    #expect(choice.place(now: Self.at(2)) == choice.order[0])
    choice.update([], now: Self.at(2))
    #expect(choice.place(now: Self.at(3)) == nil)
  }

  @Test func `A gateway that has something in doubt is kept though its name leaves it out for a while`() {
    var choice = choice()
    let first = choice.order[0]
    choice.note(.inDoubt, now: Self.at(1))
    choice.update(Self.places.filter { $0 != first }, now: Self.at(2))
    #expect(choice.place(now: Self.at(3)) == first)
    // Its time is over.
    #expect(choice.place(now: Self.at(32)) != first)
    choice.note(.settled, now: Self.at(33))
    choice.update(Self.places.filter { $0 != first }, now: Self.at(34))
    #expect(!choice.order.contains(first))
  }

  @Test func `The first choice that was gone from a name for a while is gone back to after five minutes`() {
    var choice = choice()
    let first = choice.order[0]
    choice.update(Self.places.filter { $0 != first }, now: Self.at(10))
    let other = choice.place(now: Self.at(10))
    choice.update(Self.places, now: Self.at(40))
    #expect(choice.order[0] == first && other != first)
    #expect(choice.place(now: Self.at(339)) == other)
    #expect(choice.place(now: Self.at(340)) == first)
    choice.note(.reached, now: Self.at(340))
    #expect(choice.place(now: Self.at(341)) == first)
  }
}

@Suite struct GatewayAddressTests {
  @Test func `Addresses are read with and without ports, brackets and dns`() {
    let read = { GatewayAddress($0, defaultPort: 15_610) }
    #expect(read("gw.example.org:99") == .server(host: "gw.example.org", port: 99))
    #expect(read("10.0.0.1") == .server(host: "10.0.0.1", port: 15_610))
    #expect(read("[::1]:80") == .server(host: "::1", port: 80))
    #expect(read("[fe80::1%eth0]") == .server(host: "fe80::1%eth0", port: 15_610))
    #expect(read("dns:///gw.example.org:99") == .dns(host: "gw.example.org", port: 99))
  }

  @Test(arguments: [
    "", ":80", "host:", "host:0", "host:65536", "host:1x", "::1", "[::1", "[::1]80", "[host]:80", "http://host:80",
    "ho st", "user@host", "dns:///", "unix:/tmp/x", "host:80/path",
  ])
  func `What is no address is refused`(text: String) {
    #expect(GatewayAddress(text, defaultPort: 1) == nil)
  }
}
