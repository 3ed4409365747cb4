import Model

/// The parts of a log line's JSON.
enum LogText {
  /// An object. A name that occurs several times has an array of its values, in order.
  static func append(metadata: [Label], to out: inout [UInt8]) {
    var names: [String] = []
    var values: [String: [String]] = [:]
    for label in metadata {
      if values[label.name] == nil { names.append(label.name) }
      values[label.name, default: []].append(label.value)
    }
    out.append(UInt8(ascii: "{"))
    for (at, name) in names.enumerated() {
      if at > 0 { out.append(UInt8(ascii: ",")) }
      JSONText.append(string: name, to: &out)
      out.append(UInt8(ascii: ":"))
      let all = values[name] ?? []
      if all.count == 1 {
        JSONText.append(string: all[0], to: &out)
      } else {
        JSONText.list(all, to: &out) { JSONText.append(string: $0, to: &$1) }
      }
    }
    out.append(UInt8(ascii: "}"))
  }

  /// `,"line":"…"`, or `,"line_base64":"…"` when the bytes are not UTF-8, so that any bytes survive.
  static func append(line: ArraySlice<UInt8>, to out: inout [UInt8]) {
    if (try? UTF8Span(validating: line.span)) != nil {
      JSONText.append(raw: #","line":"#, to: &out)
      JSONText.append(string: line, to: &out)
    } else {
      JSONText.append(raw: #","line_base64":""#, to: &out)
      appendBase64(line, to: &out)
      out.append(UInt8(ascii: "\""))
    }
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// RFC 4648, section 4, with padding.
  static func appendBase64(_ bytes: ArraySlice<UInt8>, to out: inout [UInt8]) {
    var rest = bytes
    while !rest.isEmpty {
      let three = rest.prefix(3)
      rest = rest.dropFirst(3)
      var word: UInt32 = 0
      for at in 0..<3 { word = word << 8 | (at < three.count ? UInt32(three[three.startIndex + at]) : 0) }
      for at in 0..<4 {
        out.append(at <= three.count ? alphabet[Int(word >> UInt32(18 - 6 * at) & 63)] : UInt8(ascii: "="))
      }
    }
  }
}
