import struct FoundationEssentials.Data

/// Which secrets requests carry: those of the settings, of files as they are and as they were before, and of the URL. Servers repeat in an answer
/// what they were sent, and no configuration knows what stands in a file or what a pair of name and password looks like in a header.
struct SentSecrets {
  let configuration: HTTPConfiguration
  let files: FileTexts

  func texts(sentTo url: String) -> SecretTexts {
    var texts = SecretTexts()
    func add(_ text: String) { texts.insert(text, leastBytes: SecretTexts.leastSentBytes) }
    func add(pairs username: Secret, _ password: Secret?) {
      let passwords = password.map(files.known) ?? [""]
      for password in passwords {
        add(password)
        for name in files.known(username) { add(Data("\(name):\(password)".utf8).base64EncodedString()) }
      }
      // A name in the settings is shown with them; who keeps it in a file does not want it shown.
      if username.path != nil { files.known(username).forEach(add) }
    }
    switch configuration.authentication {
    case nil: break
    case .basic(let username, let password): add(pairs: username, password)
    case .credentials(let type, let credentials):
      for text in credentials.map(files.known) ?? [] {
        add(text)
        // For one that is too short by itself.
        add("\(type) \(text)")
      }
    }
    for header in configuration.headers + (configuration.proxy?.connectHeaders ?? []) {
      for text in header.secrets.flatMap(files.known) { add(text) }
      if SecretKeys.kind(ofHeader: header.name) == .secret { header.values.forEach(add) }
    }
    for proxy in [configuration.proxy?.http, configuration.proxy?.https].compactMap(\.self) {
      if let username = proxy.username { add(pairs: .text(username), proxy.password) }
    }
    texts.insert(foundIn: url, leastBytes: SecretTexts.leastSentBytes)
    return texts
  }
}

extension HTTPSession {
  /// A server's words without the secrets that it was sent with requests to `url`: a text is shown only after this.
  public func hide(_ words: String, sentTo url: String) -> String { sentSecrets.texts(sentTo: url).hide(words) }
}

extension HTTPError {
  func hiding(_ secrets: SecretTexts) -> HTTPError {
    var hidden = HTTPError(kind, secrets.hide(description))
    hidden.mayHaveArrived = mayHaveArrived
    return hidden
  }
}
