/// The formats in which a target may answer a scrape, as far as parsers differ.
public enum ExpositionFormat: String, Sendable, CaseIterable {
  /// `text/plain`: Prometheus' text format, 0.0.4 or 1.0.0.
  case text
  /// `application/openmetrics-text`
  case openMetrics = "openmetrics"
  /// `application/vnd.google.protobuf`
  case protobuf
}

/// What a scraper offers to take, by the names that Prometheus' configuration has for `scrape_protocols` and `fallback_scrape_protocol`.
public enum ScrapeProtocol: String, Sendable, CaseIterable {
  case text004 = "PrometheusText0.0.4"
  case text100 = "PrometheusText1.0.0"
  case openMetrics001 = "OpenMetricsText0.0.1"
  case openMetrics100 = "OpenMetricsText1.0.0"
  case protobuf = "PrometheusProto"

  public var format: ExpositionFormat {
    switch self {
    case .text004, .text100: .text
    case .openMetrics001, .openMetrics100: .openMetrics
    case .protobuf: .protobuf
    }
  }

  /// Its member of an Accept header, without a weight.
  var mediaRange: String {
    switch self {
    case .text004: "text/plain;version=0.0.4"
    case .text100: "text/plain;version=1.0.0;escaping=allow-utf-8"
    case .openMetrics001: "application/openmetrics-text;version=0.0.1"
    case .openMetrics100: "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
    case .protobuf:
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
    }
  }
}

extension ExpositionFormat {
  /// What a response's Content-Type leads to.
  public struct Selection: Equatable, Sendable {
    /// Nil when the scrape has to fail; `remark` says why.
    public var format: ExpositionFormat?
    /// Why the fallback was taken, or none; nil when the header named a known format.
    public var remark: String?
  }

  /// The format of a response with this Content-Type. A header that is absent, malformed, or names none of the formats leads to the
  /// configured fallback, and to a failed scrape without one.
  ///
  /// Source: prometheus/prometheus, model/textparse/interface.go (extractMediaType).
  public static func select(contentType: String?, fallback: ScrapeProtocol?) -> Selection {
    let problem: String
    if let contentType, !contentType.isEmpty {
      do throws(MediaType.Malformed) {
        let mediaType = try MediaType(contentType)
        switch mediaType.name {
        case "text/plain": return Selection(format: .text, remark: nil)
        case "application/openmetrics-text": return Selection(format: .openMetrics, remark: nil)
        case "application/vnd.google.protobuf": return Selection(format: .protobuf, remark: nil)
        default: problem = "received unsupported Content-Type \"\(contentType)\""
        }
      } catch {
        problem = "cannot parse received Content-Type \"\(contentType)\" (\(error.reason))"
      }
    } else {
      problem = "received no Content-Type"
    }
    guard let fallback else {
      return Selection(format: nil, remark: "\(problem), and no fallback_scrape_protocol specified for target")
    }
    return Selection(
      format: fallback.format, remark: "\(problem), using fallback_scrape_protocol \"\(fallback.rawValue)\"")
  }

  /// The Accept header of a scraper that takes these, the most welcome first; anything else is still better than nothing.
  ///
  /// Source: prometheus/prometheus, scrape/scrape.go (acceptHeader).
  public static func acceptHeader(_ protocols: [ScrapeProtocol] = acceptedNow) -> String {
    // Weights of one decimal digit: the list is shorter than ten.
    var weight = min(protocols.count + 1, 9)
    var members: [String] = []
    for taken in protocols {
      members.append("\(taken.mediaRange);q=0.\(weight)")
      weight = max(weight - 1, 1)
    }
    members.append("*/*;q=0.\(weight)")
    return members.joined(separator: ",")
  }

  /// The formats for which there is a parser.
  public static let acceptedNow: [ScrapeProtocol] = [.text100, .text004]
}
