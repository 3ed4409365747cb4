import Foundation
import Testing

/// The commands as a shell runs them.
@Suite("The commands", .serialized)
struct CommandTests {
  struct Answer {
    var code: Int32
    var output: String
    var errors: String

    func json() throws -> Any { try JSONSerialization.jsonObject(with: Data(output.utf8)) }
  }

  static func run(_ arguments: [String], as executable: URL = Places.clymene, in folder: URL? = nil) throws -> Answer {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    if let folder { process.currentDirectoryURL = folder }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    // Short answers only: neither pipe fills up while the other is read.
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let complained = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return Answer(code: process.terminationStatus, output: said, errors: complained)
  }

  @Test func checkConfigSaysWhatIsWrongAndWhere() throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "agent.yml")
    try Data("global: {scrape_interval: 1s}\nscrape_configs:\n  - job_name: a\n    scrape_timeout: 2s\n".utf8)
      .write(to: file)
    let bad = try Self.run(["check-config", file.path])
    #expect(bad.code == 1)
    #expect(bad.errors.contains("agent.yml:4:21: scrape_configs[0].scrape_timeout: a timeout of 2s is longer"))
    try Data("global: {scrape_interval: 1s}\n".utf8).write(to: file)
    let good = try Self.run(["check-config", "--config.file", file.path])
    #expect(good.code == 0 && good.output.contains("fine"))
    #expect(try Self.run(["check-config", "/nonexistent.yml"]).code == 1)
    #expect(try Self.run(["check-config"]).code == 64)
  }

  @Test func versionIsTheOriginalsJSON() throws {
    let version = try #require(try Self.run(["version"]).json() as? [String: String])
    #expect(version["version"]?.isEmpty == false && version["buildTime"]?.hasSuffix("Z") == true)
  }

  @Test("completions are there for each shell", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) throws {
    let answer = try Self.run(["completions", shell])
    #expect(answer.code == 0 && answer.output.contains("check-config"))
  }

  @Test("wrong arguments end with 64", arguments: [["nonsense"], ["agent", "--nonsense"], ["wal", "show"]])
  func usage(arguments: [String]) throws {
    #expect(try Self.run(arguments).code == 64)
  }

  @Test func aSymlinkWithTheOriginalsNameStartsTheRole() throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let link = folder.appending(path: "clymene-agent")
    try FileManager.default.createSymbolicLink(at: link, withDestinationURL: Places.clymene)
    let answer = try Self.run(["--config.file", "/nonexistent.yml"], as: link)
    #expect(answer.code == 1 && answer.errors.contains("/nonexistent.yml"))
    #expect(try Self.run(["version"], as: link).code == 0)
  }

  @Test func sayThatThereIsNoLog() throws {
    for command in [["stats"], ["list"], ["verify"], ["consumers", "list"], ["show", "1"]] {
      let answer = try Self.run(["wal"] + command + ["/nonexistent"])
      #expect(answer.code == 1 && answer.errors.contains("there is no log"), "\(command)")
    }
  }

  @Test func lookIntoALiveLogAndMoveItsCursor() async throws {
    let flow = try Flow(interval: "1s", wal: "keep_delivered: 1d")
    let agent = try flow.start()
    #expect(await eventually { (flow.metric("clymene_forwarder_rows_delivered_total") ?? 0) >= 6 }, "\(agent.log)")
    let log = flow.folder.appending(path: "wal").path

    let stats = try #require(try Self.run(["wal", "stats", log, "--json"]).json() as? [String: Any])
    #expect(stats["is_live"] as? Bool == true && stats["rows"] as? Int ?? 0 >= 6)
    #expect(try Self.run(["wal", "stats", log]).output.contains("local"))
    #expect(try (Self.run(["wal", "list", log, "--json"]).json() as? [Any])?.count == 1)
    #expect(try Self.run(["wal", "list", log, "--segment", "0"]).output.contains("metrics"))
    let shown = try Self.run(["wal", "show", "1", log, "--samples"])
    #expect(shown.code == 0 && shown.output.contains("up{"), "\(shown.errors)")
    #expect(try Self.run(["wal", "show", "999999999", log]).code == 1)
    let verified = try Self.run(["wal", "verify", log])
    #expect(verified.code == 0 && verified.output.contains("sound"), "\(verified.errors)")

    let export = flow.folder.appending(path: "export")
    #expect(try Self.run(["wal", "export", log, "--output", export.path]).code == 0)
    let exported = try WrittenSample.read(export)
    #expect(Set(exported.filter { $0.name == "up" }.map { $0.labels["job"] }) == ["node", "clymene"])
    #expect(try Self.run(["wal", "export", log, "--output", export.path]).errors.contains("not empty"))

    // Delivered rows are wanted again: the running forwarder starts over, under a new generation.
    let before = try #require(flow.metric("clymene_forwarder_rows_delivered_total"))
    let reset = try Self.run(["wal", "consumers", "reset", "local", log, "--to", "oldest"])
    #expect(reset.code == 0, "\(reset.errors)")
    #expect(
      await eventually {
        let written = try WrittenSample.read(flow.output).filter { $0.name == "up" && $0.labels["job"] == "node" }
        return written.count > Set(written.map(\.timestamp)).count
      }, "the first rows come again")
    #expect(flow.metric("clymene_forwarder_rows_delivered_total") ?? 0 > before)
    #expect(try Self.run(["wal", "consumers", "forget", "local", log]).code == 1, "it is in use")
    #expect(try Self.run(["wal", "consumers", "reset", "nobody", log, "--to", "oldest"]).code == 1)

    agent.send(SIGTERM)
    #expect(agent.wait() == 0)
    #expect(try Self.run(["wal", "consumers", "forget", "local", log]).code == 0)
    #expect(try (Self.run(["wal", "consumers", "list", log, "--json"]).json() as? [Any])?.isEmpty == true)
  }

  @Test func verifyEndsWithTwoWhenSomethingIsDamaged() async throws {
    let flow = try Flow(interval: "1s")
    let agent = try flow.start()
    #expect(await eventually { (flow.metric("clymene_wal_rows_appended_total") ?? 0) >= 4 })
    agent.send(SIGTERM)
    #expect(agent.wait() == 0)
    let segments = flow.folder.appending(path: "wal/segments")
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: segments.path).first { $0.hasSuffix(".lmdb") })
    var bytes = try Data(contentsOf: segments.appending(path: name))
    // In the payload of every block; LMDB keeps older copies of its pages, and which one counts is its secret.
    var from = bytes.startIndex
    while let block = bytes[from...].range(of: Data("CLMB".utf8)) {
      if block.lowerBound + 300 < bytes.endIndex { bytes[block.lowerBound + 300] ^= 0x40 }
      from = block.upperBound
    }
    try bytes.write(to: segments.appending(path: name))
    let answer = try Self.run(["wal", "verify", flow.folder.appending(path: "wal").path])
    #expect(answer.code == 2 && answer.errors.contains("damaged: "), "\(answer.output) \(answer.errors)")
  }

  @Test func theAgentSaysThatItsAddressIsInUse() async throws {
    let first = try Flow(interval: "1s")
    let agent = try first.start()
    #expect(await eventually { first.isReady })
    let other = try Flow(interval: "1s")
    let answer = try Self.run([
      "agent", "--config.file", other.folder.appending(path: "agent.yml").path, "--admin.http.host-ports",
      "127.0.0.1:\(first.adminPort)",
    ])
    #expect(answer.code == 1)
    #expect(answer.errors.contains("the admin server on 127.0.0.1:\(first.adminPort)"), "\(answer.errors)")
    agent.send(SIGTERM)
    #expect(agent.wait() == 0)
  }
}
