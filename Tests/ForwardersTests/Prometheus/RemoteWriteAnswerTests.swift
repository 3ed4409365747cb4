import HTTP
import Model
import Testing

@testable import Forwarders

@Suite struct RemoteWriteAnswerTests {
  enum Kind { case delivered, retry, tooLarge, misconfigured, refused, conflict }

  private static func answer(
    _ status: Int, _ body: String = "", headers: [String: String] = [:]
  ) -> (outcome: Outcome, mayHaveArrived: Bool) {
    RemoteWriteAnswer.answer(
      status: status, header: { headers[$0] }, body: Array(body.utf8), server: "db:9090", now: UnixMilliseconds(0),
      hide: { $0 })
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

  private static func reason(_ outcome: Outcome) -> String {
    switch outcome {
    case .delivered, .alreadyThere: ""
    case .retry(let reason, _), .tooLarge(let reason), .misconfigured(let reason), .refused(let reason),
      .conflict(let reason):
      reason
    }
  }

  @Test(
    "Each status has its outcome",
    arguments: [
      (200, Kind.delivered), (202, .delivered), (204, .delivered), (302, .misconfigured), (308, .misconfigured),
      (304, .misconfigured), (400, .refused), (401, .misconfigured), (402, .refused), (403, .misconfigured),
      (404, .misconfigured), (405, .misconfigured), (407, .misconfigured), (408, .retry), (409, .refused),
      (413, .tooLarge), (415, .misconfigured), (418, .refused), (422, .refused), (429, .retry), (500, .retry),
      (502, .retry), (503, .retry), (504, .retry), (599, .retry),
    ])
  func table(_ status: Int, _ kind: Kind) {
    #expect(Self.kind(Self.answer(status).outcome) == kind)
  }

  @Test(
    "Only a server error leaves it open whether the rows are there",
    arguments: [
      (500, true), (502, true), (504, true), (503, true), (429, false), (408, false), (200, false), (400, false),
      (413, false), (401, false),
    ])
  func doubt(_ status: Int, _ mayHaveArrived: Bool) {
    #expect(Self.answer(status).mayHaveArrived == mayHaveArrived)
  }

  @Test(
    "What receivers say about rows that they have is a conflict",
    arguments: [
      // Prometheus
      (400, "out of order sample"), (400, "duplicate sample for timestamp"),
      (400, "duplicate sample for timestamp 1700000000000; overrides not allowed: existing 1, new value 2"),
      // Mimir
      (
        400,
        "the sample has been rejected because another sample with a more recent timestamp has already been ingested and out-of-order samples are not allowed (err-mimir-sample-out-of-order)"
      ),
      (
        400,
        "the sample has been rejected because another sample with the same timestamp, but a different value, has already been ingested (err-mimir-sample-duplicate-timestamp)"
      ),
      // Cortex
      (400, "user=fake: err: out of order sample. timestamp=2020-01-01T00:00:00Z, series={__name__=\"a\"}"),
      // Thanos
      (409, "store locally for endpoint 127.0.0.1:10901: add 1 samples: out of order sample"),
      (409, "forwarding request to endpoint 127.0.0.1:10901: rpc error: code = AlreadyExists desc = conflict"),
    ])
  func conflicts(_ status: Int, _ body: String) {
    #expect(Self.kind(Self.answer(status, body).outcome) == .conflict)
  }

  @Test(
    "What they say about rows that are too old, which may never have arrived, and about other faults is a refusal",
    arguments: [
      // Prometheus, before 2.50 with a 500
      (400, "out of bounds"), (400, "too old sample"), (500, "too old sample\n"),
      // Mimir
      (
        400,
        "failed pushing to ingester: user=anonymous: the sample has been rejected because its timestamp is too old (err-mimir-sample-timestamp-too-old). The affected sample has timestamp 1970-01-19T05:30:43.969Z and is from series {__name__=\"test\"}"
      ),
      // M3, InfluxDB
      (400, "datapoint is too far in the past: off_by=1h0m0s"),
      (422, #"{"code":"unprocessable entity","message":"partial write: points beyond retention policy dropped=1"}"#),
      (400, "label name \"a b\" is not valid"), (400, "snappy: corrupt input"), (400, "max series per user exceeded"),
      (400, "the sample has been rejected because its timestamp is too far in the future"),
      (422, "partial write: field type conflict: input field \"value\" is type float, already exists as type integer"),
      (409, "field type conflict"),
    ])
  func refusals(_ status: Int, _ body: String) {
    #expect(Self.kind(Self.answer(status, body).outcome) == .refused)
  }

  @Test(
    "A pause that the server asks for is passed on, one that cannot be read is not",
    arguments: [
      (429, "5", Duration.seconds(5)), (503, "120", .seconds(120)), (500, "1", .seconds(1)),
      (503, "Thu, 01 Jan 1970 00:01:00 GMT", .seconds(60)), (503, "soon", nil), (429, nil, nil),
    ] as [(Int, String?, Duration?)])
  func pauses(_ status: Int, _ header: String?, _ after: Duration?) {
    let outcome = Self.answer(status, headers: header.map { ["retry-after": $0] } ?? [:]).outcome
    guard case .retry(_, let got) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(got == after)
  }

  @Test func theServersWordsArePartOfTheReasonCleanAndShort() {
    let reason = Self.reason(
      Self.answer(400, "bad\u{1b}[31m\r\n  thing\u{0}" + String(repeating: "é", count: 900)).outcome)
    #expect(reason.hasPrefix("HTTP 400 from db:9090: bad [31m thing é"))
    #expect(reason.count <= 500 + "HTTP 400 from db:9090: ".count)
    #expect(reason.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
  }

  @Test func aBodyThatIsNotTextIsNoTrouble() {
    let outcome = RemoteWriteAnswer.answer(
      status: 500, header: { _ in nil }, body: [0xff, 0xfe, 0, 0x80], server: "db", now: .init(0), hide: { $0 }
    ).outcome
    #expect(Self.kind(outcome) == .retry)
  }

  @Test func aRedirectIsNamedWithoutItsSecrets() {
    let reason = Self.reason(
      Self.answer(302, headers: ["location": "https://user:word@other:1/write?token=secret"]).outcome)
    #expect(reason.contains("https://other:1/write") && !reason.contains("word") && !reason.contains("secret"))
  }

  @Test(
    "Having no answer is a matter of settings or of trying again",
    arguments: [
      (HTTPError.Kind.badURL, Kind.misconfigured), (.tls, .misconfigured), (.redirects, .misconfigured),
      (.nameNotFound, .retry), (.refused, .retry), (.unreachable, .retry), (.timedOut, .retry), (.reset, .retry),
      (.protocolViolation, .retry), (.cancelled, .retry), (.other, .retry),
    ])
  func errors(_ error: HTTPError.Kind, _ kind: Kind) {
    #expect(Self.kind(RemoteWriteAnswer.answer(HTTPError(error, "why")).outcome) == kind)
  }

  @Test(
    "What was sent before the error may have arrived, whatever the error",
    arguments: [HTTPError.Kind.tls, .settings, .redirects, .reset, .timedOut])
  func arrivals(_ kind: HTTPError.Kind) {
    for mayHaveArrived in [false, true] {
      var error = HTTPError(kind, "why")
      error.mayHaveArrived = mayHaveArrived
      #expect(RemoteWriteAnswer.answer(error).mayHaveArrived == mayHaveArrived)
    }
  }
}
