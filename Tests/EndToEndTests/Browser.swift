import Foundation

/// Headless Chromium, which `scripts/chromium.sh` installs where it is missing.
struct Browser {
  /// What became of a page.
  struct Visit {
    /// The document after loading, as HTML.
    var document: String
    /// A PNG file.
    var screenshot: Data
    /// What the page had to complain about: scripts, refused resources.
    var complaints: [String]
    /// Addresses that the page asked for, itself among them.
    var requests: Set<String>
  }

  let executable: URL
  let folder: URL

  init(folder: URL) throws {
    let named = ProcessInfo.processInfo.environment["CLYMENE_BROWSER"] ?? "/usr/bin/chromium"
    guard FileManager.default.isExecutableFile(atPath: named) else {
      throw Loopback.Failure(description: "\(named) is not there; `make test` installs it (scripts/chromium.sh)")
    }
    executable = URL(fileURLWithPath: named)
    self.folder = folder
  }

  /// Loads a page of this machine; nothing else can be reached. `isDark` is the reader's preference.
  func visit(_ address: String, width: Int = 1280, height: Int = 1400, isDark: Bool = false) throws -> Visit {
    let picture = folder.appending(path: "page-\(UUID().uuidString).png")
    let network = folder.appending(path: "net-\(UUID().uuidString).json")
    let process = Process()
    process.executableURL = executable
    process.arguments = [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
      "--disable-background-networking", "--disable-component-update",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      "--user-data-dir=\(folder.path)/profile", "--window-size=\(width),\(height)", "--enable-logging=stderr", "--v=0",
      "--log-net-log=\(network.path)", "--screenshot=\(picture.path)", "--dump-dom",
      "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)", address,
    ]
    let errors = folder.appending(path: "browser-\(UUID().uuidString).log")
    try Data().write(to: errors)
    let output = Pipe()
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    let document = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let said = try String(decoding: Data(contentsOf: errors), as: UTF8.self)
    guard process.terminationStatus == 0, FileManager.default.fileExists(atPath: picture.path) else {
      throw Loopback.Failure(description: "Chromium ended with \(process.terminationStatus): \(said.suffix(2000))")
    }
    return Visit(
      document: document, screenshot: try Data(contentsOf: picture),
      complaints: said.split(separator: "\n").filter { $0.contains("CONSOLE") }.map(String.init),
      requests: try Browser.requests(ofPage: address, log: Data(contentsOf: network)))
  }

  /// From Chromium's own log of the network: what the page began, without what the browser does by itself.
  private static func requests(ofPage address: String, log: Data) throws -> Set<String> {
    guard let log = try JSONSerialization.jsonObject(with: log) as? [String: Any],
      let events = log["events"] as? [[String: Any]], let page = URL(string: address)
    else { throw Loopback.Failure(description: "Chromium's log of the network cannot be read") }
    let origin = "http://\(page.host ?? ""):\(page.port ?? 80)"
    var requests: Set<String> = []
    for event in events {
      guard let parameters = event["params"] as? [String: Any], let url = parameters["url"] as? String else { continue }
      let initiator = parameters["initiator"] as? String ?? ""
      if url == address || initiator.hasPrefix(origin) { requests.insert(url) }
    }
    return requests
  }
}
