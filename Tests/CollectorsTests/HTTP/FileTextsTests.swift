import Foundation
import Glibc
import Testing

@testable import HTTP

@Suite(.timeLimit(.minutes(1)))
struct `Files that settings name` {
  @Test
  func `A pipe, a device or a folder is an error at once, for nobody knows when it ends`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let pipe = folder + "/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    for path in ["/dev/null", folder, pipe] {
      // Required, as the next one might never return.
      try #require(throws: HTTPError(.settings, "\(path) cannot be read: it is not a regular file")) {
        try FileTexts().text(of: .file(path))
      }
    }
  }

  @Test
  func `A link to a file is as the file`() throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try "token\n".write(toFile: path, atomically: true, encoding: .utf8)
    try FileManager.default.createSymbolicLink(atPath: path + ".link", withDestinationPath: path)
    defer { for name in [path, path + ".link"] { try? FileManager.default.removeItem(atPath: name) } }
    #expect(try FileTexts().text(of: .file(path + ".link")) == "token")
  }
}
