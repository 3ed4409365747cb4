import Codec
import Foundation
import Model
import Synchronization
import Testing
import Wire

/// What senders that mean harm can do to the built program, as its memory shows and as others notice.
@Suite("Hostile senders", .serialized)
struct HostileSendersTests {
  private static let hostile = "127.0.0.2"
  /// Of the one that holds connections.
  private static let holding = "127.0.0.3"
  private static let honest = "127.0.0.1"
  /// Together with what the program needs anyway; of bodies under way it may hold 64 MiB, twice while they are read.
  private static let limitBytes = 256 << 20

  /// Zeros as snappy has them: a zero, and copies of 64 bytes each in three.
  private static func snappyBomb(_ megabytes: Int) -> [UInt8] {
    var length = megabytes << 20
    let copies = length / 64
    var bomb: [UInt8] = []
    while length >= 0x80 {
      bomb.append(UInt8(length & 0x7f | 0x80))
      length >>= 7
    }
    bomb += [UInt8(length), 0x00, 0x00]
    for _ in 0..<copies { bomb += [0xfe, 0x01, 0x00] }
    return bomb
  }

  private static func gzipBomb(_ megabytes: Int, in folder: URL) throws -> [UInt8] {
    let file = folder.appending(path: "bomb")
    try Data(count: megabytes << 20).write(to: file)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/gzip")
    process.arguments = [file.path]
    try process.run()
    process.waitUntilExit()
    return Array(try Data(contentsOf: folder.appending(path: "bomb.gz")))
  }

  private static func message(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    var out = ProtobufWriter()
    out.bytes(number, content)
    return out.bytes
  }

  /// A remote write request of series that nobody has sent before.
  private static func series(_ count: Int, _ name: String) -> [UInt8] {
    var body: [UInt8] = []
    for number in 0..<count {
      let labels = [("__name__", name), ("n", "\(number)")].flatMap {
        message(1, message(1, Array($0.0.utf8)) + message(2, Array($0.1.utf8)))
      }
      var time = ProtobufWriter()
      time.varint(2, UInt64(Date().timeIntervalSince1970 * 1000))
      body += message(1, labels + message(2, [1 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0] + time.bytes))
    }
    return Snappy.compress(body.span.bytes)
  }

  /// Blocks over tables that nobody has sent before.
  private static func tables(_ count: Int, _ name: String) throws -> [UInt8] {
    var sealer = try BlockSealer()
    var request = DeliverRequest(id: 1)
    let origin = Origin(low: .random(in: 0 ... .max), high: 1)
    for number in 0..<count {
      let table = try SeriesTable(encoding: [Series(Labels([Label("__name__", "\(name)\(number)")]))])
      let row = ScrapeRow(source: 1, tables: [table], timestamp: UnixMilliseconds(1), values: [1])
      let sealed = try sealer.seal(
        RowBatch(metrics: [.scrape(row)]), origin: origin, firstSequence: UInt64(number + 1))
      request.tables.append(table.bytes)
      request.blocks += sealed.map(\.block.bytes)
    }
    return request.encoded()
  }

  private struct Attack: Sendable {
    let path: String
    let body: [UInt8]
    let headers: [String]
  }

  /// Runs all that is hostile for a while and looks at the memory and at an honest sender meanwhile.
  private func attack(
    _ gateway: GatewayProcess, _ attacks: [Attack], good: Attack, for seconds: Double
  ) async throws -> (peakBytes: Int, served: Int, refused: [Int?], slowest: Duration, told: Set<Int>) {
    let isOver = Atomic(false)
    let port = gateway.httpPort
    let slowPath = good.path
    let noticed = Mutex((served: 0, refused: [Int?](), slowest: Duration.zero, told: Set<Int>()))
    let peak = try await withThrowingTaskGroup(of: Void.self, returning: Int.self) { group in
      // Threads, so that what waits here does not wait for each other.
      func thread(_ body: @escaping @Sendable () -> Void) {
        group.addTask {
          await withCheckedContinuation { done in
            Thread {
              body()
              done.resume()
            }.start()
          }
        }
      }
      for attack in attacks {
        thread {
          while !isOver.load(ordering: .relaxed) {
            let status = RawConnection.post(port, attack.path, attack.body, attack.headers, from: Self.hostile)
            if let status { noticed.withLock { _ = $0.told.insert(status) } }
          }
        }
      }
      // Many connections, half of which say nothing and half of which are slow with a large body.
      thread {
        let head = RawConnection.head(slowPath, 7 << 20, good.headers)
        let some = [UInt8](repeating: 0, count: 16 << 10)
        var open: [RawConnection] = []
        for number in 0..<700 {
          guard !isOver.load(ordering: .relaxed),
            let one = try? RawConnection(to: port, from: Self.holding, waitSeconds: 1)
          else { break }
          if number % 2 == 0 { one.send(head + some) }
          open.append(one)
        }
        while !isOver.load(ordering: .relaxed) {
          for connection in open { connection.send([0]) }
          usleep(200_000)
        }
      }
      thread {
        while !isOver.load(ordering: .relaxed) {
          let began = ContinuousClock.now
          let status = RawConnection.post(port, good.path, good.body, good.headers, from: Self.honest)
          let took = ContinuousClock.now - began
          noticed.withLock { noticed in
            if status == 204 { noticed.served += 1 } else { noticed.refused.append(status) }
            noticed.slowest = max(noticed.slowest, took)
          }
          usleep(50_000)
        }
      }
      var peak = 0
      let end = ContinuousClock.now + .seconds(seconds)
      while ContinuousClock.now < end {
        peak = max(peak, gateway.program?.anonymousBytes ?? .max)
        try await Task.sleep(for: .milliseconds(10))
      }
      isOver.store(true, ordering: .relaxed)
      try await group.waitForAll()
      return peak
    }
    return noticed.withLock { (peak, $0.served, $0.refused, $0.slowest, $0.told) }
  }

  @Test func `of metrics leave memory bounded and others served`() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let gateway = try GatewayProcess(
      named: "gate", forwarders: [GatewayProcess.files()],
      settings:
        "limits: {max_bytes_under_way: 64MiB, max_body_size: 8MiB, max_decoded_size: 24MiB, table_cache_size: 4MiB, max_series_per_tenant: 20000}",
      in: folder)
    try await gateway.start()
    let protobuf = ["Content-Type: application/x-protobuf"]
    let write = "/api/v1/write"
    let zstd = try ZstdFrames().frame([UInt8](repeating: 0, count: 128 << 20))
    let attacks = [
      Attack(path: write, body: Self.snappyBomb(24), headers: protobuf),
      Attack(path: write, body: Self.snappyBomb(25), headers: protobuf),
      Attack(path: write, body: zstd, headers: protobuf + ["Content-Encoding: zstd"]),
      Attack(path: write, body: zstd, headers: protobuf + ["Content-Encoding: zstd"]),
      Attack(path: write, body: Self.series(40_000, "many"), headers: protobuf),
      Attack(path: "/api/v1/blocks", body: try Self.tables(2000, "one"), headers: []),
      Attack(path: "/api/v1/blocks", body: try Self.tables(2000, "two"), headers: []),
    ]
    let good = Attack(path: write, body: Self.series(5, "good"), headers: protobuf)
    #expect(RawConnection.post(gateway.httpPort, good.path, good.body, good.headers, from: Self.honest) == 204)
    let result = try await attack(gateway, attacks, good: good, for: 10)
    #expect(result.peakBytes < Self.limitBytes, "\(result.peakBytes >> 20) MiB")
    #expect(result.refused.isEmpty, "\(result)")
    #expect(result.served >= 10, "\(result)")
    // They were heard: what is no protobuf, what is too large, tables that were stored.
    #expect(result.told.isSuperset(of: [400, 413, 200]), "\(result.told)")
    #expect(gateway.end(SIGTERM) == 0, "\(gateway.said)")
  }

  @Test func `of logs leave memory bounded and others served`() async throws {
    let folder = try Places.temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let gateway = try GatewayProcess(
      "promtail-gateway", named: "gate", forwarders: [GatewayProcess.files()],
      settings: "limits: {max_bytes_under_way: 64MiB, max_body_size: 8MiB, max_decoded_size: 24MiB}", in: folder)
    try await gateway.start()
    let push = "/loki/api/v1/push"
    let json = ["Content-Type: application/json"]
    let gzip = try Self.gzipBomb(128, in: folder)
    let nested = Array(String(repeating: "[", count: 4 << 20).utf8)
    let attacks = [
      Attack(path: push, body: gzip, headers: json + ["Content-Encoding: gzip"]),
      Attack(path: push, body: gzip, headers: json + ["Content-Encoding: gzip"]),
      Attack(path: push, body: Self.snappyBomb(24), headers: ["Content-Type: application/x-protobuf"]),
      Attack(path: push, body: nested, headers: json),
    ]
    let line = #"{"streams":[{"stream":{"job":"good"},"values":[["1700000000000000000","hello"]]}]}"#
    let good = Attack(path: push, body: Array(line.utf8), headers: json)
    #expect(RawConnection.post(gateway.httpPort, good.path, good.body, good.headers, from: Self.honest) == 204)
    let result = try await attack(gateway, attacks, good: good, for: 6)
    #expect(result.peakBytes < Self.limitBytes, "\(result.peakBytes >> 20) MiB")
    #expect(result.refused.isEmpty, "\(result)")
    #expect(result.served >= 10, "\(result)")
    #expect(result.told.isSuperset(of: [400, 413]), "\(result.told)")
    #expect(gateway.end(SIGTERM) == 0, "\(gateway.said)")
  }
}
