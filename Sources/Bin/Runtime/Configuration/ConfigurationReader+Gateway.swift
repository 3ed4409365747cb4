import GatewayCollectors
import HTTP
import Model

// The section `gateway`, which Prometheus does not have.
extension ConfigurationReader {
  /// Its signal is the role's, which says it.
  func gateway(_ place: ConfigurationNode) -> GatewaySettings {
    var settings = ConfigurationDefaults.gateway
    guard var reader = MappingReader(place, problems) else { return settings }
    settings.grpc = listener(reader.value("grpc"), settings.grpc)
    settings.http = listener(reader.value("http"), settings.http)
    if settings.grpc == nil, settings.http == nil {
      problems.report(place, "grpc and http are both none: the gateway would listen nowhere")
    }
    if let limits = reader.value("limits") { settings.limits = gatewayLimits(limits) }
    var names: [String: Int] = [:]
    for element in reader.list("senders") ?? [] {
      guard let sender = sender(element, settings.limits.sender) else { continue }
      if let earlier = names[sender.name] {
        problems.report(
          element, "the sender name “\(sender.name)” stands in line \(earlier) already; each needs its own")
      }
      names[sender.name] = element.node.mark?.line ?? 0
      settings.senders.append(sender)
    }
    if let list = reader.value("senders"), settings.senders.isEmpty {
      problems.report(list, "an empty list would let everybody in; leave the key out for that")
    }
    reader.finish()
    return settings
  }

  // MARK: where it listens

  private func listener(_ place: ConfigurationNode?, _ standard: GatewayListener?) -> GatewayListener? {
    guard let place else { return standard }
    if case .scalar(let scalar) = place.node, scalar.string == "none" { return nil }
    guard var reader = MappingReader(place, problems) else { return standard }
    var listener = standard
    if let address = reader.string("address") {
      if address.value == "none" {
        listener = nil
      } else if let parsed = AdminAddress(address.value) {
        listener = GatewayListener(host: parsed.host, port: parsed.port)
      } else {
        problems.report(address.place, "“\(address.value)” is not host:port, :port or none")
      }
    }
    if let tls = reader.value("tls") { listener?.tls = serverTLS(tls) }
    reader.finish()
    return listener
  }

  private func serverTLS(_ place: ConfigurationNode) -> GatewayTLS? {
    guard var reader = MappingReader(place, problems) else { return nil }
    let certificate = path(&reader, "cert_file")
    let key = path(&reader, "key_file")
    let clientCA = path(&reader, "client_ca_file")
    reader.finish()
    guard let certificate, let key else {
      problems.report(place, "a server's TLS needs both cert_file and key_file")
      return nil
    }
    return GatewayTLS(certificateFile: certificate.value, keyFile: key.value, clientCAFile: clientCA?.value)
  }

  // MARK: who sends

  private func sender(_ place: ConfigurationNode, _ standard: SenderLimits) -> SenderSettings? {
    guard var reader = MappingReader(place, problems) else { return nil }
    let name = reader.string("name").nonEmpty
    if name == nil { problems.report(place, "a sender needs a name; it is shown on pages and in metrics") }
    let token = secret(&reader, "bearer_token")
    let basic = reader.secretValue("basic_auth")
    var credentials: SenderSettings.Credentials?
    if let basic { credentials = basicCredentials(basic) }
    if let token {
      if let basic { problems.report(basic, "at most one of basic_auth and bearer_token may be set") }
      credentials = .bearer(token)
    }
    if credentials == nil, basic == nil {
      problems.report(place, "a sender needs bearer_token, bearer_token_file or basic_auth")
    }
    var tenant: Tenant?
    if let text = reader.string("tenant") {
      tenant = Tenant(text.value)
      if tenant == nil {
        problems.report(
          text.place, "a tenant's name has at most \(Tenant.limitBytes) bytes, this one has \(text.value.utf8.count)")
      }
    }
    var limits: SenderLimits?
    if let place = reader.value("limits"), var inner = MappingReader(place, problems) {
      limits = senderLimits(&inner, standard)
      inner.finish()
    }
    reader.finish()
    return credentials.map { SenderSettings(name: name?.value ?? "", credentials: $0, tenant: tenant, limits: limits) }
  }

  private func basicCredentials(_ place: ConfigurationNode) -> SenderSettings.Credentials? {
    guard var reader = MappingReader(place, problems) else { return nil }
    let username = secret(&reader, "username")
    let password = secret(&reader, "password")
    reader.finish()
    guard let username, let password else {
      problems.report(place, "basic_auth needs a username and a password, each as a text or as a file")
      return nil
    }
    return .basic(username: username, password: password)
  }

  // MARK: how much

  private func senderLimits(_ reader: inout MappingReader, _ standard: SenderLimits) -> SenderLimits {
    var limits = standard
    limits.bodyBytes = bytes(&reader, "max_body_size", 1 << 10, limits.bodyBytes)
    limits.decodedBytes = bytes(&reader, "max_decoded_size", 1 << 10, limits.decodedBytes)
    if let rate = reader.count("max_entries_per_second") {
      limits.entriesPerSecond = rate.value > 0 ? Double(rate.value) : nil
    }
    if let rate = reader.size("max_bytes_per_second") {
      limits.bytesPerSecond = rate.value.bytes > 0 ? Double(rate.value.bytes) : nil
    }
    return limits
  }

  private func gatewayLimits(_ place: ConfigurationNode) -> GatewayLimits {
    var limits = GatewayLimits()
    guard var reader = MappingReader(place, problems) else { return limits }
    limits.sender = senderLimits(&reader, limits.sender)
    // A sender may have half of it, and Clymene's have up to 1 MiB of requests under way.
    limits.bytesUnderWay = bytes(&reader, "max_bytes_under_way", 8 << 20, limits.bytesUnderWay)
    if limits.sender.bodyBytes + limits.sender.decodedBytes > limits.bytesUnderWay / 2 {
      problems.report(
        place,
        "one sender may have half of max_bytes_under_way (\(ByteSize(bytes: limits.bytesUnderWay / 2))), which is less than max_body_size and max_decoded_size together (\(ByteSize(bytes: limits.sender.bodyBytes + limits.sender.decodedBytes)))"
      )
    }
    limits.tableCacheBytes = bytes(&reader, "table_cache_size", 1 << 20, limits.tableCacheBytes)
    limits.connections = number(&reader, "max_connections", limits.connections)
    limits.streamsPerConnection = number(&reader, "max_streams_per_connection", limits.streamsPerConnection)
    limits.trackedSenders = number(&reader, "max_tracked_senders", limits.trackedSenders)
    limits.push.seriesPerTenant = number(&reader, "max_series_per_tenant", limits.push.seriesPerTenant)
    limits.push.seriesOfAllTenants = number(&reader, "max_series_of_all_tenants", limits.push.seriesOfAllTenants)
    limits.push.labelsPerSeries = number(&reader, "max_labels_per_series", limits.push.labelsPerSeries)
    limits.push.labelNameBytes = number(&reader, "max_label_name_length", limits.push.labelNameBytes)
    limits.push.labelValueBytes = number(&reader, "max_label_value_length", limits.push.labelValueBytes)
    limits.push.lineBytes = bytes(&reader, "max_line_size", 1, limits.push.lineBytes)
    limits.headerTimeout = timeout(&reader, "header_timeout", limits.headerTimeout)
    limits.bodyTimeout = timeout(&reader, "body_timeout", limits.bodyTimeout)
    limits.idleTimeout = timeout(&reader, "idle_timeout", limits.idleTimeout)
    reader.finish()
    return limits
  }

  private func bytes(_ reader: inout MappingReader, _ key: String, _ least: Int, _ standard: Int) -> Int {
    guard let size = reader.size(key) else { return standard }
    if size.value.bytes < least || size.value.bytes > 1 << 40 {
      problems.report(size.place, "\(size.value) is not between \(ByteSize(bytes: least)) and 1TiB")
    }
    return size.value.bytes
  }

  private func number(_ reader: inout MappingReader, _ key: String, _ standard: Int) -> Int {
    guard let count = reader.count(key) else { return standard }
    if !(1...1_000_000_000).contains(count.value) {
      problems.report(count.place, "\(count.value) is not between 1 and 1000000000")
    }
    return count.value
  }

  private func timeout(_ reader: inout MappingReader, _ key: String, _ standard: Duration) -> Duration {
    guard let duration = reader.duration(key) else { return standard }
    if !(Duration.milliseconds(100)...Duration.seconds(86_400)).contains(duration.value) {
      problems.report(duration.place, "has to be between 100ms and 1d")
    }
    return duration.value
  }
}
