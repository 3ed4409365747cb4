/// Which headers settings may set.
extension HTTPConfiguration {
  /// Headers that the protocols or the connection set, in lower case. `authorization` is none of them: it stands for credentials.
  ///
  /// Source: prometheus/common, config/headers.go (ReservedHeaders); prometheus/prometheus, config/config.go (reservedHeaders); RFC 9110, section 7.6.1.
  static let ownHeaders: Set<String> = [
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "host", "keep-alive",
    "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    "user-agent", "www-authenticate", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token",
    "x-prometheus-remote-read-version", "x-prometheus-remote-write-version", "x-prometheus-scrape-timeout-seconds",
  ]

  /// Why no setting may set a header of this name, as the end of a sentence that begins with the name; nil when one may.
  public static func fault(ofHeaderName name: String) -> String? {
    guard isHeaderName(name) else { return "is not the name of a header" }
    return ownHeaders.contains(name.lowercased()) ? "is set by the protocol itself" : nil
  }
}
