import GatewayCollectors

/// What holds where the file says nothing. docs/configuration.md repeats these figures.
enum ConfigurationDefaults {
  static let scrapeInterval = Duration.seconds(60)
  static let scrapeTimeout = Duration.seconds(10)
  static let bodySizeLimit = ByteSize(bytes: 128 << 20)

  static let logDirectory = "./data/wal"
  static let logMaxSize = ByteSize(bytes: 10 << 30)
  /// Below this, segments would be smaller than one block may be.
  static let logSmallestMaxSize = ByteSize(bytes: 16 << 20)
  static let logMaxAge = Duration.seconds(30 * 86_400)
  static let commitInterval = Duration.seconds(1)
  static let commitIntervalRange = Duration.milliseconds(10)...Duration.seconds(3600)
  static let keepDelivered = Duration.zero
  static let orphanHold = Duration.seconds(24 * 3600)
  static let dedupeWindow = Duration.seconds(35 * 86_400)

  static let maxBackoff = Duration.seconds(5)
  static let maxBackoffRange = Duration.milliseconds(100)...Duration.seconds(3600)

  static let fileMaxSize = ByteSize(bytes: 256 << 20)
  static let fileSmallestMaxSize = ByteSize(bytes: 4 << 10)
  static let fileMaxAge = Duration.seconds(3600)
  static let fileSmallestMaxAge = Duration.seconds(1)

  static let requestSmallestTimeout = Duration.milliseconds(100)

  /// Of both gateways; its signal is the role's.
  static let gateway = GatewaySettings(
    signal: .metrics, grpc: GatewayListener(host: "0.0.0.0", port: 15610),
    http: GatewayListener(host: "0.0.0.0", port: 15611))

  /// A name becomes a key in the log and a label in metrics.
  static let nameLimitBytes = 100
}
