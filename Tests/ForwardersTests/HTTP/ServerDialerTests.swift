import NIOCore
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1))) struct ServerDialerTests {
  /// Cancelled before there is a connection that could be closed: while a name is looked up, or between two addresses.
  @Test func `Nothing is connected to by one who was cancelled`() async throws {
    let server = try ReceivingServer { $0.waitForClose() }
    let port = try #require(Int(server.address.split(separator: ":").last ?? ""))
    let dialer = ServerDialer(HTTPConfiguration(), isTLS: true)
    let start = ContinuousClock.now
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      do throws(HTTPError) {
        _ = try await dialer.connect(host: "127.0.0.1", port: port, protocols: ["h2"]) {
          $0.eventLoop.makeSucceededVoidFuture()
        }
        return HTTPError.Kind?.none
      } catch {
        return error.kind
      }
    }
    #expect(await task.value == .cancelled)
    // TLS with this server has ten.
    #expect(ContinuousClock.now - start < .seconds(5))
  }
}

@Suite(.timeLimit(.minutes(1))) struct NameLookupTests {
  @Test func `One who was cancelled does not wait for a name to be looked up`() async throws {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      do throws(HTTPError) {
        _ = try await NameLookup.addresses(of: "gateway.invalid")
        return HTTPError.Kind?.none
      } catch {
        return error.kind
      }
    }
    #expect(await task.value == .cancelled)
  }

  @Test func `An address is its own, and a name of this machine has one`() async throws {
    #expect(try await NameLookup.addresses(of: "127.0.0.7") == ["127.0.0.7"])
    #expect(try await !NameLookup.addresses(of: "localhost").isEmpty)
  }
}
