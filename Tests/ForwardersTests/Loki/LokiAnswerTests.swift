import HTTP
import Model
import Testing

@testable import Forwarders

@Suite struct LokiAnswerTests {
  enum Kind { case delivered, retry, tooLarge, misconfigured, refused, conflict }

  private static func answer(
    _ status: Int, _ body: String = "", entries: Int = 10, headers: [String: String] = [:]
  ) -> (outcome: Outcome, mayHaveArrived: Bool) {
    LokiAnswer.answer(
      status: status, header: { headers[$0] }, body: Array(body.utf8), server: "loki:3100", entries: entries,
      now: UnixMilliseconds(0), hide: { $0 })
  }

  private static func kind(_ outcome: Outcome) -> Kind? {
    switch outcome {
    case .delivered: .delivered
    case .alreadyThere: nil
    case .retry: .retry
    case .tooLarge: .tooLarge
    case .misconfigured: .misconfigured
    case .refused: .refused
    case .conflict: .conflict
    }
  }

  @Test(
    "Each status has its outcome",
    arguments: [
      (200, Kind.delivered), (204, .delivered), (260, .misconfigured), (302, .misconfigured), (400, .refused),
      (401, .misconfigured), (403, .misconfigured), (404, .misconfigured), (405, .misconfigured), (408, .retry),
      (409, .refused), (413, .tooLarge), (415, .misconfigured), (422, .refused), (429, .retry), (500, .retry),
      (502, .retry), (503, .retry), (504, .retry),
    ])
  func table(_ status: Int, _ kind: Kind) {
    #expect(Self.kind(Self.answer(status).outcome) == kind)
  }

  @Test(
    "Only a server error leaves it open whether the entries are there",
    arguments: [(500, true), (502, true), (503, true), (429, false), (408, false), (400, false), (413, false)])
  func doubt(_ status: Int, _ mayHaveArrived: Bool) {
    #expect(Self.answer(status).mayHaveArrived == mayHaveArrived)
  }

  @Test(
    "Loki's words decide what a 400 means",
    arguments: [
      (
        "entry with timestamp 2020-11-12 12:00:04.9 +0000 UTC ignored, reason: 'entry out of order' for stream: {a=\"b\"},\ntotal ignored: 2 out of 2",
        Kind.conflict
      ),
      (
        "entry with timestamp 2021-11-08 03:30:43 +0000 UTC ignored, reason: 'entry too far behind, oldest acceptable timestamp is: 2021-11-08T06:59:04Z' for stream: {a=\"b\"},",
        .conflict
      ),
      (
        "entry for stream '{a=\"b\"}' has timestamp too old: 2020-01-01T00:00:00Z, oldest acceptable timestamp is: 2021-01-01T00:00:00Z",
        .refused
      ),
      ("entry for stream '{a=\"b\"}' has timestamp too new: 2030-01-01T00:00:00Z", .refused),
      ("error at least one label pair is required per stream", .refused),
      (
        "max entry size '262144' bytes exceeded for stream '{a=\"b\"}' while adding an entry with length '300000' bytes",
        .refused
      ),
      ("stream '{a=\"out of order\"}' has label name too long", .refused),
    ])
  func words(_ body: String, _ kind: Kind) {
    #expect(Self.kind(Self.answer(400, body).outcome) == kind)
  }

  @Test("The words may stand behind many others")
  func farBehind() {
    let first = String(repeating: "entry for stream x is odd,\n", count: 200)
    #expect(Self.kind(Self.answer(400, first + "entry too far behind").outcome) == .conflict)
  }

  @Test("What gRPC says inside Loki of a message that is too large is no server error")
  func largerThanMax() {
    let words =
      "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (10007365 vs. 4194304)\n"
    #expect(Self.kind(Self.answer(500, words).outcome) == .tooLarge)
    let trying = "rpc error: code = ResourceExhausted desc = trying to send message larger than max (1 vs. 0)"
    #expect(Self.kind(Self.answer(500, trying).outcome) == .tooLarge)
  }

  @Test(
    "A 400 because the push is too large is no refusal of its entries",
    arguments: [
      ("received message larger than max (104857601 vs 104857600)", Kind.tooLarge),
      ("message size too large than max (104857601 vs 104857600)", .tooLarge),
      ("stream '{a=\"message larger than max\"}' has label name too long", .refused),
    ])
  func largerThanTheServerTakes(_ words: String, _ kind: Kind) {
    #expect(Self.kind(Self.answer(400, words).outcome) == kind)
  }

  @Test(
    "A push of more bytes than the limit lets through in a second is made smaller, one of fewer waits",
    arguments: [
      (
        "Ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) while attempting to ingest '9000' lines totaling '9000000' bytes, reduce log volume",
        10, Kind.tooLarge
      ),
      (
        "Ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) while attempting to ingest '9' lines totaling '9000' bytes, reduce log volume",
        10, .retry
      ),
      (
        "entry with timestamp x ignored, reason: 'Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '{a=\"b\"}' totaling 5.2MB, consider splitting a stream",
        10, .tooLarge
      ),
      (
        "Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '{a=\"b\"}' totaling 800kB, consider",
        10, .retry
      ),
      // A single entry cannot be made smaller.
      (
        "Per stream rate limit exceeded (limit: 3MB/sec) while attempting to ingest for stream '{a=\"b\"}' totaling 5.2MB, consider",
        1, .retry
      ),
      ("(limit: ) totaling ", 10, .retry), ("Maximum active stream limit exceeded", 10, .retry),
    ])
  func rates(_ body: String, _ entries: Int, _ kind: Kind) {
    #expect(Self.kind(Self.answer(429, body, entries: entries).outcome) == kind)
  }

  @Test func thePauseIsThatOfTheAnswer() {
    for status in [429, 500, 503] {
      guard case .retry(_, let after) = Self.answer(status, headers: ["retry-after": "9"]).outcome else {
        Issue.record("\(status)")
        continue
      }
      #expect(after == .seconds(9))
    }
  }
}
