/// Keys of Prometheus' configuration that this version does not read yet. They are told from misspelt ones.
///
/// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/
enum PrometheusKeys {
  static let document: Set<String> = [
    "rule_files", "scrape_config_files", "alerting", "remote_write", "remote_read", "storage", "tracing", "otlp",
    "runtime",
  ]

  private static let scrapeLimits: Set<String> = [
    "scrape_protocols", "target_limit", "keep_dropped_targets", "metric_name_validation_scheme",
    "metric_name_escaping_scheme", "scrape_native_histograms", "always_scrape_classic_histograms",
    "convert_classic_histograms_to_nhcb", "extra_scrape_metrics",
  ]

  static let global: Set<String> = scrapeLimits.union([
    "evaluation_interval", "rule_query_offset", "query_log_file", "scrape_failure_log_file",
  ])

  static let scrapeConfig: Set<String> = scrapeLimits.union([
    "track_timestamps_staleness", "scrape_failure_log_file", "fallback_scrape_protocol",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor", "relabel_configs", "metric_relabel_configs",
  ]).union(httpClient).union(discoveries.map { "\($0)_sd_configs" })

  /// Of the HTTP client's settings, wherever they stand.
  static let httpClient: Set<String> = ["oauth2"]

  private static let discoveries = [
    "aws", "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "ecs", "eureka", "file", "gce",
    "hetzner", "http", "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad",
    "openstack", "outscale", "ovhcloud", "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr",
  ]
}
