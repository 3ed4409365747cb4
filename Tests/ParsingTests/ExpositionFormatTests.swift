import Testing

@testable import Parsing

@Suite("The format of a response")
struct ExpositionFormatTests {
  @Test(
    "the media type decides, whatever its letters and parameters",
    arguments: [
      ("text/plain", ExpositionFormat.text), ("TEXT/Plain; version=0.0.4; charset=utf-8", .text),
      (" text/plain ; version = \"0.0.4\" ;", .text),
      ("application/openmetrics-text; version=1.0.0; charset=utf-8", .openMetrics),
      ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", .protobuf),
      ("text/plain; charset=utf-8; charset=utf-8", .text), ("text/plain; a=\"b;c\\\"d\"", .text),
    ])
  func known(_ header: String, _ format: ExpositionFormat) {
    #expect(ExpositionFormat.select(contentType: header, fallback: nil) == .init(format: format, remark: nil))
  }

  @Test(
    "a header that is malformed, unknown or absent fails the scrape, unless there is a fallback",
    arguments: [
      nil, "", "/", "text/", "text plain", "text/html", "text/plain; charset", "text/plain; =x", "text/plain; a=b; a=c",
      "text/plain x",
      "text/plain; a=\"b", "plain", "text/plain; a=b c", "text/plain/x",
    ])
  func unknown(_ header: String?) {
    let failed = ExpositionFormat.select(contentType: header, fallback: nil)
    #expect(failed.format == nil)
    #expect(failed.remark != nil)
    let fallen = ExpositionFormat.select(contentType: header, fallback: .openMetrics100)
    #expect(fallen.format == .openMetrics)
    #expect(fallen.remark?.contains("OpenMetricsText1.0.0") == true)
  }

  @Test("the Accept header offers what can be parsed, the better the earlier, and anything else last")
  func accept() {
    #expect(
      ExpositionFormat.acceptHeader()
        == "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1")
    #expect(ExpositionFormat.acceptHeader([.text004]) == "text/plain;version=0.0.4;q=0.2,*/*;q=0.1")
  }
}
