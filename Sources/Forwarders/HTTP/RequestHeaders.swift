import NIOHTTP1

import struct FoundationEssentials.Data

/// The headers of a request: the caller's, those of the configuration, and what authenticates the client.
struct RequestHeaders {
  let configuration: HTTPConfiguration
  let files: FileTexts

  /// Sent to the server of the redirects' URL. Secrets stay away from a server that is not trusted with them.
  func headers(
    _ given: [(name: String, value: String)], for redirects: Redirects
  ) throws(HTTPError) -> HTTPHeaders {
    var headers = HTTPHeaders()
    let withheld: Set = ["authorization", "cookie", "proxy-authorization"]
    for (name, value) in given where redirects.isTrusted || !withheld.contains(name.lowercased()) {
      headers.add(name: name, value: value)
    }
    try add(configuration.headers, to: &headers, withSecrets: redirects.isTrusted)
    if redirects.isTrusted, !headers.contains(name: "authorization"), let value = try authorization() {
      headers.add(name: "Authorization", value: value)
    }
    if !headers.contains(name: "authorization"), let username = redirects.url.username {
      headers.add(name: "Authorization", value: try basic(.text(username), redirects.url.password))
    }
    return headers
  }

  /// The values of the settings, each a line.
  func add(
    _ settings: [HTTPHeaderSetting], to headers: inout HTTPHeaders, withSecrets: Bool
  ) throws(HTTPError) {
    for setting in settings {
      for value in setting.values { headers.add(name: setting.name, value: value) }
      guard withSecrets else { continue }
      for secret in setting.secrets {
        headers.add(name: setting.name, value: try value(secret, of: "the header \(setting.name)"))
      }
    }
  }

  func authorization() throws(HTTPError) -> String? {
    switch configuration.authentication {
    case nil: return nil
    case .basic(let username, let password): return try basic(username, password)
    case .credentials(let type, let credentials):
      guard let credentials else { return type }
      return "\(type) \(try value(credentials, of: "the credentials"))"
    }
  }

  func basic(_ username: Secret, _ password: Secret?) throws(HTTPError) -> String {
    let password = try password.map { secret throws(HTTPError) in try files.text(of: secret) } ?? ""
    let pair = "\(try files.text(of: username)):\(password)"
    return "Basic " + Data(pair.utf8).base64EncodedString()
  }

  /// A line end in a file must neither become a header of its own nor be quoted in an error.
  private func value(_ secret: Secret, of what: String) throws(HTTPError) -> String {
    let text = try files.text(of: secret)
    guard HTTPConfiguration.isHeaderValue(text) else {
      let place = secret.path.map { " in \($0)" } ?? ""
      throw HTTPError(.settings, "\(what)\(place): a line end or another character that no header can carry")
    }
    return text
  }
}

extension HTTPConfiguration {
  /// Whether a header can carry the text: no control characters but the tab.
  public static func isHeaderValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 == 0x09 || $0 >= 0x20 && $0 != 0x7f }
  }

  /// Whether a text is the name of a header: a token of RFC 9110, section 5.6.2.
  public static func isHeaderName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        $0 >= 0x30 && $0 <= 0x39 || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7a || "!#$%&'*+-.^_`|~".utf8.contains($0)
      }
  }
}
