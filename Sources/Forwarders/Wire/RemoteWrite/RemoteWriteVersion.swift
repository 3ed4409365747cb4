/// Which of remote write's two messages a body holds; the request's headers say it.
public enum RemoteWriteVersion: Sendable, Hashable, CaseIterable {
  /// `prometheus.WriteRequest`
  case v1
  /// `io.prometheus.write.v2.Request`
  case v2
}
