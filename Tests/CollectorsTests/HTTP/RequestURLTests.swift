import Testing

@testable import HTTP

@Suite
struct `Credentials of a server` {
  @Test(arguments: [
    ("https://a.example/x", "https://A.example/y", true), ("http://a.example:9100/", "http://a.example:9100/x", true),
    ("http://a.example/", "https://a.example/", true), ("http://a.example:8080/", "https://a.example:8443/", true),
    ("https://a.example/", "https://a.example:8443/", false), ("https://a.example:1/", "https://a.example:2/", false),
    ("http://a.example:1/", "http://a.example:2/", false), ("https://a.example/", "http://a.example/", false),
    ("https://a.example/", "https://b.example/", false), ("http://a.example/", "https://b.a.example/", false),
  ])
  func `They go on to the same server, and from none to TLS on the same host`(
    _ from: String, _ to: String, _ isTrusted: Bool
  ) throws {
    #expect(try RequestURL(from).trusts(RequestURL(to)) == isTrusted)
  }
}
