import HTTP
import Model

/// Path and query of a target's URL, escaped as Prometheus does it.
///
/// Source: prometheus/prometheus, scrape/target.go (Target.URL); Go's net/url (escape, Values.Encode).
enum TargetURL {
  static let parameterPrefix = "__param_"

  /// The job's parameters, with the first value of each replaced by the target's label `__param_<name>`.
  static func parameters(of job: [String: [String]], _ labels: [Label]) -> [String: [String]] {
    var parameters = job
    for label in labels where label.name.hasPrefix(parameterPrefix) && !label.value.isEmpty {
      let name = String(label.name.dropFirst(parameterPrefix.count))
      parameters[name] = [label.value] + (parameters[name] ?? []).dropFirst()
    }
    return parameters
  }

  static func escapedPath(_ path: String) -> String { escaped(path, keeping: "$&+,/:;=@") }

  /// Sorted by name; empty without parameters, otherwise with the question mark.
  static func query(_ parameters: [String: [String]], hidingSecrets: Bool = false) -> String {
    let pairs = parameters.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.flatMap { name, values in
      values.map { value in
        let isHidden = hidingSecrets && SecretKeys.kind(ofParameter: name) != .none
        let value = isHidden ? SecretTexts.mark : escaped(value, keeping: "", blank: "+")
        return "\(escaped(name, keeping: "", blank: "+"))=\(value)"
      }
    }
    return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
  }

  private static func escaped(_ text: String, keeping kept: String, blank: String? = nil) -> String {
    let hex = Array("0123456789ABCDEF".utf8)
    var escaped: [UInt8] = []
    for byte in text.utf8 {
      let isPlain =
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a || "-_.~".utf8.contains(byte)
      if isPlain || kept.utf8.contains(byte) {
        escaped.append(byte)
      } else if byte == 0x20, let blank {
        escaped += Array(blank.utf8)
      } else {
        escaped += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      }
    }
    return String(decoding: escaped, as: UTF8.self)
  }
}
