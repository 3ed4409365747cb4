import Foundation
import Testing

/// Certificates for a test, made by the `openssl` command in a folder of their own. To have it: `apt-get install openssl`.
final class TestCertificates: Sendable {
  static let areMakable = FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")

  struct Failed: Error { let command: [String] }

  let folder: String

  /// An authority in `ca.pem` and `ca.key`.
  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("certificates-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try authority("ca")
  }

  /// Another authority; what is there under this name is replaced.
  func authority(_ name: String) throws { try make(name, ["-addext", "basicConstraints=critical,CA:TRUE"]) }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { "\(folder)/\(name)" }
  func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  /// `<name>.pem` and `<name>.key`, signed by the authority, for an address or a name as OpenSSL writes it: `IP:127.0.0.1`.
  func issue(_ name: String, for subject: String, by authority: String = "ca", use: String? = nil) throws {
    try make(
      name,
      [
        "-CA", path("\(authority).pem"), "-CAkey", path("\(authority).key"), "-addext", "subjectAltName=\(subject)",
        "-addext", "basicConstraints=critical,CA:FALSE",
      ] + (use.map { ["-addext", "extendedKeyUsage=critical,\($0)"] } ?? []))
  }

  private func make(_ name: String, _ options: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    process.arguments =
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=\(name)", "-keyout", path("\(name).key"), "-out", path("\(name).pem"),
      ] + options
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(command: process.arguments ?? []) }
  }
}
