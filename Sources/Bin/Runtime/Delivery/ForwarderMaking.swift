import Codec
import Forwarders
import Glibc

extension ForwarderSettings.Destination {
  /// The forwarder for these settings; one line a type.
  func makeForwarder() throws -> any Forwarder {
    switch self {
    case .file(let file): try FileForwarder(FileForwarderConfiguration(file))
    case .prometheus(let prometheus): try PrometheusForwarder(prometheus, userAgent: BuildInfo.current.userAgent)
    case .loki(let loki): try LokiForwarder(loki, userAgent: BuildInfo.current.userAgent)
    case .gateway(let gateway): try gateway.makeForwarder(host: HostName.current)
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

extension GatewayConfiguration {
  /// Senders with one configuration are told apart by their hosts.
  func makeForwarder(host: String) throws -> any Forwarder {
    var configuration = self
    configuration.identity += "@\(host)"
    let userAgent = BuildInfo.current.userAgent
    switch encoding {
    case .blocks: return GatewayForwarder(configuration, userAgent: userAgent)
    case .original: return try OriginalGatewayForwarder(configuration, userAgent: userAgent)
    }
  }
}

/// What this machine calls itself, without asking a name server.
enum HostName {
  static var current: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
