/// Pushes log entries to Loki.
enum LokiForwarding {}
