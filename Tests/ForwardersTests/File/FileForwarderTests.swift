import CZstd
import Codec
import Foundation
import Model
import Synchronization
import Testing

@testable import Forwarders

@Suite(.timeLimit(.minutes(1)))
struct `The file forwarder on a disk` {
  let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory() }

  var configuration: FileForwarderConfiguration { FileForwarderConfiguration(path: directory.path + "/out/deep") }

  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: configuration.path).filter { $0.hasPrefix("clymene-") }.sorted()
  }

  func lines(_ name: String) throws -> [String] { try directory.lines("out/deep/" + name) }

  @Test
  func `Delivered rows are lines of an unfinished file, made with its directory`() async throws {
    let forwarder = try FileForwarder(configuration)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(1...2)).outcome == .delivered)
    let names = try names()
    #expect(names.count == 1)
    #expect(names[0].hasSuffix("-000001.ndjson.part"))
    #expect(try lines(names[0]) == SampleBlocks.lines(1...2))
    await forwarder.close()
  }

  @Test
  func `Rows that come again are already there, also in a new process, and only unknown ones are written`() async throws
  {
    var forwarder = try FileForwarder(configuration)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(1...4)).outcome == .delivered)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(2...3)).outcome == .alreadyThere)
    await forwarder.close()
    forwarder = try FileForwarder(configuration)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(1...4)).outcome == .alreadyThere)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(3...6)).outcome == .delivered)
    #expect(try lines(try names()[0]) == SampleBlocks.lines(1...6))
    await forwarder.close()
  }

  @Test
  func `A cursor that was reset gets its rows again`() async throws {
    let forwarder = try FileForwarder(configuration)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(1...1)).outcome == .delivered)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(1...1, generation: 1)).outcome == .delivered)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(1...1, generation: 1)).outcome == .alreadyThere)
    #expect(try lines(try names()[0]) == SampleBlocks.lines(1...1) + SampleBlocks.lines(1...1))
    await forwarder.close()
  }

  @Test
  func `A file is finished when it is large, and the next one has the next number`() async throws {
    var configuration = configuration
    configuration.rotateBytes = 400
    let clock: @Sendable () -> UnixMilliseconds = { UnixMilliseconds(1_795_426_953_999) }
    let forwarder = try FileForwarder(configuration, now: clock)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(1...5)).outcome == .delivered)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(6...6)).outcome == .delivered)
    #expect(
      try names() == ["clymene-20261123T094233Z-000001.ndjson", "clymene-20261123T094233Z-000002.ndjson.part"])
    #expect(try lines(try names()[0]) == SampleBlocks.lines(1...5))
    #expect(try lines(try names()[1]) == SampleBlocks.lines(6...6))
    await forwarder.close()
  }

  @Test
  func `A file is finished at its age, also when nothing comes any more`() async throws {
    var configuration = configuration
    configuration.rotateAfter = .milliseconds(300)
    let forwarder = try FileForwarder(configuration)
    #expect(await forwarder.deliver(try SampleBlocks.delivery(1...1)).outcome == .delivered)
    while await forwarder.counters.finishedFiles == 0 { try await Task.sleep(for: .milliseconds(20)) }
    let names = try names()
    #expect(names.count == 1)
    #expect(names[0].hasSuffix(".ndjson"))
    await forwarder.close()
  }

  @Test
  func `Compressed files are frames after each other that any zstd reads`() async throws {
    var configuration = configuration
    configuration.zstd = true
    let forwarder = try FileForwarder(configuration)
    for row in 1...3 {
      #expect(await forwarder.deliver(try SampleBlocks.delivery(UInt64(row)...UInt64(row))).outcome == .delivered)
    }
    await forwarder.close()
    let name = try names()[0]
    #expect(name.hasSuffix(".ndjson.zst.part"))
    let bytes = try directory.read("out/deep/" + name)
    var text: [UInt8] = []
    var rest = bytes[...]
    var frames = 0
    while !rest.isEmpty {
      let frame = rest.withUnsafeBytes { ZSTD_findFrameCompressedSize($0.baseAddress, $0.count) }
      try #require(ZSTD_isError(frame) == 0)
      var out = [UInt8](repeating: 0, count: 1 << 16)
      let size = rest.withUnsafeBytes { source in
        out.withUnsafeMutableBytes { ZSTD_decompress($0.baseAddress, $0.count, source.baseAddress, frame) }
      }
      try #require(ZSTD_isError(size) == 0)
      text += out[..<size]
      rest = rest.dropFirst(frame)
      frames += 1
    }
    #expect(frames == 3)
    #expect(String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init) == SampleBlocks.lines(1...3))
  }

  @Test
  func `A second forwarder for the same directory is a mistake of the configuration`() async throws {
    let first = try FileForwarder(configuration)
    let second = try FileForwarder(configuration)
    #expect(await first.deliver(try SampleBlocks.delivery(1...1)).outcome == .delivered)
    guard case .misconfigured(let reason) = await second.deliver(try SampleBlocks.delivery(2...2)).outcome else {
      Issue.record("the second forwarder was let in")
      return
    }
    #expect(reason.contains("in use by another forwarder"))
    await first.close()
    #expect(await second.deliver(try SampleBlocks.delivery(2...2)).outcome == .delivered)
    await second.close()
  }

  @Test
  func `A path that is no directory is a mistake of the configuration`() async throws {
    #expect(FileManager.default.createFile(atPath: directory.path + "/out", contents: nil))
    let forwarder = try FileForwarder(configuration)
    guard case .misconfigured = await forwarder.deliver(try SampleBlocks.delivery(1...1)).outcome else {
      Issue.record("a file was taken for a directory")
      return
    }
    await forwarder.close()
  }

  @Test
  func `A block that misses its table is refused, and what comes after it is written`() async throws {
    let forwarder = try FileForwarder(configuration)
    let whole = try SampleBlocks.delivery(1...1)
    let bare = Delivery(blocks: whole.blocks.map { TabledBlock(block: $0.block, tables: []) }, generation: 0)
    guard case .refused = await forwarder.deliver(bare).outcome else {
      Issue.record("a block without its table was taken")
      return
    }
    #expect(await forwarder.deliver(whole).outcome == .delivered)
    #expect(try lines(try names()[0]) == SampleBlocks.lines(1...1))
    await forwarder.close()
  }

  @Test
  func `With the state gone, an unfinished file is set aside and not lost`() async throws {
    let first = try FileForwarder(configuration)
    #expect(await first.deliver(try SampleBlocks.delivery(1...1)).outcome == .delivered)
    await first.close()
    try FileManager.default.removeItem(atPath: configuration.path + "/" + FileState.name)
    let second = try FileForwarder(configuration)
    #expect(await second.deliver(try SampleBlocks.delivery(2...2)).outcome == .delivered)
    let names = try names()
    #expect(names.count == 2)
    let aside = try #require(names.first { $0.hasSuffix(".part.set-aside") })
    #expect(try lines(aside) == SampleBlocks.lines(1...1))
    #expect(await second.counters.setAside == 1)
    await second.close()
  }

  @Test
  func `A damaged state is set aside, and so is the unfinished file`() async throws {
    let first = try FileForwarder(configuration)
    #expect(await first.deliver(try SampleBlocks.delivery(1...1)).outcome == .delivered)
    await first.close()
    var state = try directory.read("out/deep/" + FileState.name)
    state[state.count / 2] ^= 1
    try Data(state).write(to: URL(fileURLWithPath: configuration.path + "/" + FileState.name))
    let second = try FileForwarder(configuration)
    #expect(await second.deliver(try SampleBlocks.delivery(1...1)).outcome == .delivered)
    #expect(await second.counters.setAside == 2)
    await second.close()
  }

  @Test
  func `A full disk is waited for, a directory that may not be written is somebody's mistake`() {
    for code in [ENOSPC, EDQUOT, EIO] {
      #expect(
        DirectoryError(code: code, description: "write: full").outcome == .retry(reason: "write: full", after: nil))
    }
    for code in [EACCES, EROFS, ENOTDIR] {
      #expect(DirectoryError(code: code, description: "no").outcome == .misconfigured(reason: "no"))
    }
  }
}
