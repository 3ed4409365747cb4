/// `$NAME` and `${NAME}` in external labels, as Prometheus 3 replaces them.
enum EnvironmentExpansion {
  /// Names that are not set become empty; `$$` is one dollar sign.
  static func expand(_ text: String, _ environment: [String: String]) -> String {
    var result = ""
    var rest = Substring(text)
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        result += "$"
        rest = rest.dropFirst()
      } else if rest.first == "{", let end = rest.firstIndex(of: "}") {
        result += environment[String(rest[rest.index(after: rest.startIndex)..<end])] ?? ""
        rest = rest[rest.index(after: end)...]
      } else {
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        result += name.isEmpty ? "$" : environment[String(name)] ?? ""
        rest = rest.dropFirst(name.count)
      }
    }
    return result + rest
  }
}
