import Testing
@testable import Runtime
@Test func s() { #expect(PrometheusDuration.parse("1h30m") == .seconds(5400)) }
