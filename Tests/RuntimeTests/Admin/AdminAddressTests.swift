import Testing

@testable import Runtime

@Suite("An admin address")
struct AdminAddressTests {
  @Test(
    "is read",
    arguments: [
      (":15691", "0.0.0.0", 15691), ("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:80", "::1", 80), ("host:1", "host", 1),
    ])
  func read(text: String, host: String, port: Int) throws {
    let address = try #require(AdminAddress(text))
    #expect(address.host == host && address.port == port)
  }

  @Test("is refused", arguments: ["", "15691", "host", "::1:80", ":99999", ":-1", ":x"])
  func refused(text: String) {
    #expect(AdminAddress(text) == nil)
  }

  @Test func comesAsAListToo() {
    #expect(AdminAddress.list(":1, 127.0.0.1:2")?.map(\.port) == [1, 2])
    #expect(AdminAddress.list("") == nil)
    #expect(AdminAddress.list(":1,x") == nil)
  }
}
