import Testing

@testable import HTTP

@Suite("Known secrets")
struct SecretTextsTests {
  @Test func areHiddenWhereverTheyStandAndInEachForm() {
    var secrets = SecretTexts()
    secrets.insert("hunter%2Ftwo")
    secrets.insert("-----BEGIN X-----\nMIIEabcdef\n-----END X-----")
    #expect(secrets.hide("no hunter/two, no hunter%2Ftwo!") == "no <secret>, no <secret>!")
    #expect(secrets.hide("line MIIEabcdef.") == "line <secret>.")
    #expect(secrets.hide("-----END X-----") == "-----END X-----")
    #expect(secrets.hide("hunter/two\u{301}x").utf8.starts(with: "<secret>".utf8), "bytes count, not characters")
  }

  @Test func leaveNoRestOfALongerOne() {
    var secrets = SecretTexts()
    secrets.insert("abcdef")
    secrets.insert("abcdefghi")
    #expect(secrets.hide("abcdefghi") == "<secret>")
  }

  @Test func thatAreShortWordsAreNotLookedForEverywhere() {
    var secrets = SecretTexts()
    secrets.insert("up")
    secrets.insert("instance", isCertain: false)
    #expect(secrets.hide("the instance is up") == "the instance is up")
  }

  @Test func doNotShowThemselves() {
    var secrets = SecretTexts()
    secrets.insert("hunter-two")
    var dumped = ""
    dump(secrets, to: &dumped)
    #expect(
      ![dumped, "\(secrets)", String(reflecting: secrets), String(describing: [secrets])].contains {
        $0.contains("hunter")
      })
    #expect(!String(describing: Mirror(reflecting: secrets).children.map(\.value)).contains("hunter"))
  }

  @Test func thatOverlapAreHiddenAsOne() {
    var secrets = SecretTexts()
    secrets.insert("abcdefgh")
    secrets.insert("fghijklm")
    secrets.insert("abcdxy")
    #expect(secrets.hide("[abcdefghijklm] abcdxyabcdefgh abcde") == "[<secret>] <secret><secret> abcde")
  }

  @Test func thatWereSentAreHiddenFromFourBytesOn() {
    var secrets = SecretTexts()
    secrets.insert("abc", leastBytes: SecretTexts.leastSentBytes)
    secrets.insert("wxyz", leastBytes: SecretTexts.leastSentBytes)
    #expect(secrets.hide("abc wxyz wxy") == "abc <secret> wxy")
  }
}
