extension LaneLimits {
  init(_ settings: ForwarderSettings.DeliverySettings) {
    self.init()
    longestPause = settings.maxBackoff
    firstPause = min(firstPause, settings.maxBackoff)
    maxBytesPerSecond = settings.maxBytesPerSecond?.bytes
    maxRequestsPerSecond = settings.maxRequestsPerSecond
    refusals = settings.refusals == .specification ? .specification : .split
  }
}
