import Model
import Testing

@testable import Runtime

@Suite("A lane's decision")
struct LaneDecisionTests {
  var decision = LaneDecision()

  @Test("acknowledges what the destination has", arguments: [Outcome.delivered, .alreadyThere])
  func acknowledges(outcome: Outcome) {
    var decision = decision
    #expect(decision.answer(outcome, blocks: 3, random: 0.5) == .acknowledge)
    #expect(decision.failuresInARow == 0)
  }

  @Test func doublesThePauseUpToTheLongest() {
    var decision = decision
    var pauses: [Duration] = []
    for _ in 0..<40 {
      guard case .again(let pause) = decision.answer(.retry(reason: "x", after: nil), blocks: 1, random: 1) else {
        Issue.record("not tried again")
        return
      }
      pauses.append(pause)
    }
    #expect(pauses.prefix(4).map(\.inSeconds) == [0.1, 0.2, 0.4, 0.8])
    #expect(pauses.allSatisfy { $0 <= .seconds(5) } && pauses.last == .seconds(5))
    #expect(decision.failuresInARow == 40)
  }

  @Test func spreadsPausesOverTheUpperHalf() {
    for random in [0.0, 0.25, 0.999] {
      var decision = decision
      for _ in 0..<10 { _ = decision.answer(.retry(reason: "x", after: nil), blocks: 1, random: random) }
      guard case .again(let pause) = decision.answer(.retry(reason: "x", after: nil), blocks: 1, random: random)
      else { return }
      #expect(pause >= .milliseconds(2500) && pause <= .seconds(5))
    }
  }

  @Test func neverComesBackBeforeTheTimeThatTheDestinationAskedFor() {
    var decision = decision
    guard case .again(let pause) = decision.answer(.retry(reason: "x", after: .seconds(20)), blocks: 1, random: 0)
    else {
      Issue.record("not tried again")
      return
    }
    #expect(pause == .seconds(20))
    guard case .again(let long) = decision.answer(.retry(reason: "x", after: .seconds(9999)), blocks: 1, random: 0)
    else {
      Issue.record("not tried again")
      return
    }
    #expect(long == .seconds(60))
  }

  @Test func halvesWhatIsTooLargeUntilOneBlockIsLeft() {
    var decision = decision
    #expect(decision.answer(.tooLarge(reason: "413"), blocks: 9, random: 0.5) == .halve)
    #expect(decision.blockLimit == 4)
    #expect(decision.answer(.tooLarge(reason: "413"), blocks: 4, random: 0.5) == .halve)
    #expect(decision.answer(.tooLarge(reason: "413"), blocks: 2, random: 0.5) == .halve)
    #expect(decision.blockLimit == 1)
    guard case .again(let pause) = decision.answer(.tooLarge(reason: "413"), blocks: 1, random: 0.5) else {
      Issue.record("a single block cannot be halved")
      return
    }
    #expect(pause == .seconds(30))
    #expect(decision.alarm != nil)
  }

  @Test func triesLargerRequestsAfterAWhile() {
    var decision = decision
    _ = decision.answer(.tooLarge(reason: "413"), blocks: 2, random: 0.5)
    for _ in 0..<32 { _ = decision.answer(.delivered, blocks: 1, random: 0.5) }
    #expect(decision.blockLimit == 2)
    for _ in 0..<(32 * 12) { _ = decision.answer(.delivered, blocks: 1, random: 0.5) }
    #expect(decision.blockLimit == nil)
  }

  @Test(
    "holds with slow retries and an alarm, and lets go after a success",
    arguments: [Outcome.misconfigured(reason: "401"), .refused(reason: "422")])
  func holds(outcome: Outcome) {
    var decision = decision
    guard case .again(let pause) = decision.answer(outcome, blocks: 3, random: 0.5) else {
      Issue.record("not held")
      return
    }
    #expect(pause == .seconds(30))
    #expect(decision.alarm != nil)
    _ = decision.answer(.delivered, blocks: 3, random: 0.5)
    #expect(decision.alarm == nil && decision.failuresInARow == 0)
  }

  @Test func anUnreachableDestinationIsNoAlarm() {
    var decision = decision
    _ = decision.answer(.misconfigured(reason: "401"), blocks: 1, random: 0.5)
    _ = decision.answer(.retry(reason: "refused", after: nil), blocks: 1, random: 0.5)
    #expect(decision.alarm == nil)
  }
}
