import Codec
import Model
import Testing

@testable import Runtime

@Suite("A request's decision")
struct RequestDecisionTests {
  @Test("settles what the destination has", arguments: [Outcome.delivered, .alreadyThere])
  func settles(outcome: Outcome) {
    var decision = RequestDecision(limits: LaneLimits())
    #expect(
      decision.step(Answer(outcome), mayBeThere: false, random: 0.5) == .settled(alreadyThere: outcome == .alreadyThere)
    )
  }

  private func pauses(_ outcomes: [Outcome], random: Double) -> [Duration] {
    var decision = RequestDecision(limits: LaneLimits())
    return outcomes.compactMap { outcome in
      if case .again(let pause) = decision.step(Answer(outcome), mayBeThere: false, random: random) {
        pause
      } else {
        nil
      }
    }
  }

  @Test func doublesThePauseUpToTheLongest() {
    let pauses = pauses(Array(repeating: .retry(reason: "x", after: nil), count: 40), random: 1)
    #expect(pauses.prefix(4).map(\.inSeconds) == [0.1, 0.2, 0.4, 0.8])
    #expect(pauses.count == 40 && pauses.allSatisfy { $0 <= .seconds(5) } && pauses.last == .seconds(5))
  }

  @Test("spreads pauses over the upper half", arguments: [0.0, 0.25, 0.999])
  func spreads(random: Double) {
    let pause = pauses(Array(repeating: .retry(reason: "x", after: nil), count: 11), random: random).last ?? .zero
    #expect(pause >= .milliseconds(2500) && pause <= .seconds(5))
  }

  @Test func beginsAnewAfterASuccess() {
    let pauses = pauses(
      [.retry(reason: "x", after: nil), .retry(reason: "x", after: nil), .delivered, .retry(reason: "x", after: nil)],
      random: 1)
    #expect(pauses.map(\.inSeconds) == [0.1, 0.2, 0.1])
  }

  @Test func neverComesBackBeforeTheTimeThatTheDestinationAskedFor() {
    #expect(pauses([.retry(reason: "x", after: .seconds(20))], random: 0) == [.seconds(20)])
    #expect(pauses([.retry(reason: "x", after: .seconds(9999))], random: 0) == [.seconds(60)])
  }

  @Test func waitsLongWhereOnlyAPersonCanHelp() {
    #expect(pauses([.misconfigured(reason: "401")], random: 0.5) == [.seconds(30)])
  }

  @Test func countsTheRequestsThatRefusalsAdd() {
    var decision = RequestDecision(limits: LaneLimits())
    for _ in 0..<32 {
      #expect(
        decision.step(Answer(.refused(reason: "x")), mayBeThere: false, random: 0)
          == .split(downTo: .series, orElse: .deadLetter(reason: "x")))
      decision.addRequests()
    }
    #expect(decision.added == 64)
    #expect(
      decision.step(Answer(.refused(reason: "x")), mayBeThere: false, random: 0) == .end(.deadLetter(reason: "x")))
    // What is too large, or may be there, has to be cut whatever the count.
    #expect(
      decision.step(Answer(.tooLarge(reason: "y")), mayBeThere: false, random: 0)
        == .split(downTo: .series, orElse: .deadLetter(reason: "y")))
    #expect(
      decision.step(Answer(.conflict(reason: "z")), mayBeThere: true, random: 0)
        == .split(downTo: .rows, orElse: .alreadyThere))
    #expect(
      decision.step(Answer(.conflict(reason: "z")), mayBeThere: false, random: 0) == .end(.deadLetter(reason: "z")))
  }

  @Test func cutsNoRowsForThoseWhoKnowThemByNumber() {
    var decision = RequestDecision(limits: LaneLimits(), takesPartsOfRows: false)
    for outcome in [Outcome.refused(reason: "x"), .tooLarge(reason: "x")] {
      #expect(
        decision.step(Answer(outcome), mayBeThere: false, random: 0)
          == .split(downTo: .rows, orElse: .deadLetter(reason: "x")))
    }
  }

  @Test(
    "sends nothing again where the specification forbids it",
    arguments: [
      Answer(.refused(reason: "4xx"), status: 422), Answer(.tooLarge(reason: "4xx"), status: 413),
      Answer(.misconfigured(reason: "4xx"), status: 404), Answer(.retry(reason: "4xx", after: nil), status: 408),
    ])
  func specification(answer: Answer) {
    var limits = LaneLimits()
    limits.refusals = .specification
    var decision = RequestDecision(limits: limits)
    #expect(decision.step(answer, mayBeThere: false, random: 0) == .end(.deadLetter(reason: "4xx")))
  }

  @Test(
    "waits by the specification, too, for what is no refusal",
    arguments: [
      Answer(.retry(reason: "x", after: nil), status: 429), Answer(.retry(reason: "x", after: nil), status: 503),
      Answer(.misconfigured(reason: "the certificate does not fit")),
      Answer(.misconfigured(reason: "301"), status: 301),
    ])
  func specificationWaits(answer: Answer) {
    var limits = LaneLimits()
    limits.refusals = .specification
    var decision = RequestDecision(limits: limits)
    guard case .again = decision.step(answer, mayBeThere: false, random: 0) else {
      Issue.record("not tried again")
      return
    }
  }
}
