import Codec
import Forwarders

extension ForwarderSettings.Destination {
  /// The forwarder for these settings; one line a type.
  func makeForwarder() throws -> any Forwarder {
    switch self {
    case .file(let file): try FileForwarder(FileForwarderConfiguration(file))
    case .prometheus(let prometheus): try PrometheusForwarder(prometheus, userAgent: BuildInfo.current.userAgent)
    case .loki(let loki): try LokiForwarder(loki, userAgent: BuildInfo.current.userAgent)
    }
  }
}

extension FileForwarderConfiguration {
  init(_ file: ForwarderSettings.FileDestination) {
    self.init(path: file.directory)
    rotateBytes = file.maxFileSize.bytes
    rotateAfter = file.maxFileAge
    zstd = file.compression == .zstd
  }
}
