import Foundation
import Testing

@testable import HTTP

@Suite("Secrets that requests carry")
struct SentSecretsTests {
  private func hidden(
    _ words: String, url: String = "http://db/w", files: FileTexts = FileTexts(),
    _ change: (inout HTTPConfiguration) -> Void
  ) -> String {
    var configuration = HTTPConfiguration()
    change(&configuration)
    return SentSecrets(configuration: configuration, files: files).texts(sentTo: url).hide(words)
  }

  @Test func areHiddenAsTheyStandAndAsTheyAreSent() {
    let pair = Data("me:pass".utf8).base64EncodedString()
    #expect(
      hidden("got Basic \(pair), for me and pass") {
        $0.authentication = .basic(username: .text("me"), password: .text("pass"))
      } == "got Basic <secret>, for me and <secret>")
    #expect(
      hidden("got Bearer abc, abc") { $0.authentication = .credentials(type: "Bearer", .text("abc")) }
        == "got <secret>, abc")
  }

  @Test func ofHeadersProxiesAndTheURLAreHidden() {
    let pair = Data("proxy:word".utf8).base64EncodedString()
    #expect(
      hidden("h1h1 v1v1 p1p1 c1c1 word \(pair) q1q1", url: "http://db/w?sig=q1q1&x=p1p1") {
        $0.headers = [
          .init(name: "X-A", values: ["p1p1"], secrets: [.text("h1h1")]), .init(name: "X-Token", values: ["v1v1"]),
        ]
        var proxy = ProxySettings(
          http: .init(host: "p", port: 1, username: "proxy", password: .text("word")), https: nil)
        proxy.connectHeaders = [.init(name: "X-B", secrets: [.text("c1c1")])]
        $0.proxy = proxy
      } == "<secret> <secret> p1p1 <secret> <secret> <secret> <secret>")
  }

  @Test func ofAFileAreHiddenAfterItHasChanged() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sent-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: "token").path
    let files = FileTexts()
    for token in ["first-one", "the-second"] {
      try Data("\(token)\n".utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
      #expect(try files.text(of: .file(path)) == token)
    }
    #expect(
      hidden("first-one, the-second", files: files) { $0.authentication = .credentials(type: "Bearer", .file(path)) }
        == "<secret>, <secret>")
  }
}
