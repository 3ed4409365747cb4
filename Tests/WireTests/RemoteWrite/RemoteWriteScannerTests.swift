import Codec
import Model
import Testing

@testable import Wire

@Suite struct RemoteWriteScannerTests {
  private func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    var out = ByteWriter()
    out.varint(number << 3 | 2)
    out.prefixed(bytes)
    return out.bytes
  }

  private func sample(_ time: UInt64, _ value: Double) -> [UInt8] {
    var out = ByteWriter()
    out.byte(0x09)
    out.fixed(value.bitPattern)
    out.byte(0x10)
    out.varint(time)
    return out.bytes
  }

  @Test func `columns say what the strict decoder says`() throws {
    for seed in 1...20 {
      var rows = RandomRows(seed: UInt64(seed))
      let (batch, _, _) = try rows.metrics(firstSequence: 1)
      var sealer = try BlockSealer()
      let blocks = try sealer.seal(batch, origin: Origin(low: 1, high: 1), firstSequence: 1)
      var encoder = try RemoteWriteEncoder()
      _ = try encoder.encode(Delivery(blocks: blocks, generation: 0), LabelTemplates())
      let message = encoder.message
      let request = try RemoteWriteDecoder.decode(message)
      let columns = try RemoteWriteScanner.scan(message, as: .v1)
      #expect(columns.series.count == request.series.count)
      #expect(columns.samples == request.series.flatMap(\.samples))
      #expect(columns.histograms.map(\.sample) == request.series.flatMap(\.histograms))
      #expect(columns.exemplars.count == request.series.reduce(0) { $0 + $1.exemplars.count })
      var from = 0
      for (series, sent) in zip(columns.series, request.series) {
        #expect(Int(series.samplesEnd) - from == sent.samples.count)
        from = Int(series.samplesEnd)
        let pairs = try RemoteWriteLabelReading.pairs(series.labels, in: message, limit: 1000).get()
        #expect(
          pairs.map { Array(message[$0.name.range]) }
            == sent.labels.filter { !$0.value.isEmpty }.map { Array($0.name.utf8) })
      }
    }
  }

  @Test(arguments: [0, 1, 127, 128, 1 << 35, UInt64(Int64.max), 1 << 63, .max])
  func `any time of a sample is read`(_ time: UInt64) throws {
    for version in RemoteWriteVersion.allCases {
      let message = field(version == .v1 ? 1 : 5, field(2, sample(time, 2.5)) + field(2, sample(7, -0.0)))
      let columns = try RemoteWriteScanner.scan(message, as: version)
      #expect(columns.samples.map(\.timestamp.rawValue) == [Int64(bitPattern: time), 7])
      #expect(columns.samples.map(\.valueBits) == [(2.5).bitPattern, (-0.0).bitPattern])
    }
  }

  @Test func `a sample in another order, or with a time written longer than needed, is the same`() throws {
    var out = ByteWriter()
    out.raw([0x10, 0x85, 0x00, 0x09])
    out.fixed((1.5).bitPattern)
    let columns = try RemoteWriteScanner.scan(field(1, field(2, out.bytes)), as: .v1)
    #expect(columns.samples == [.init(timestamp: UnixMilliseconds(5), valueBits: (1.5).bitPattern)])
  }

  @Test func `a message that is cut anywhere is refused or ends between two series`() throws {
    let series = field(1, field(1, field(1, [0x61]) + field(2, [0x62])) + field(2, sample(1000, 1)))
    let message = series + series
    for count in 0...message.count {
      let columns = try? RemoteWriteScanner.scan(Array(message.prefix(count)), as: .v1)
      #expect(columns?.series.count == (count % series.count == 0 ? count / series.count : nil))
    }
  }

  @Test func `past a limit nothing is read, and the error says which`() throws {
    let series = field(1, field(2, sample(1, 1)))
    func error(_ message: [UInt8], _ change: (inout RemoteWriteLimits) -> Void) -> WireError? {
      var limits = RemoteWriteLimits()
      change(&limits)
      do throws(WireError) {
        _ = try RemoteWriteScanner.scan(message, as: .v1, limits)
        return nil
      } catch {
        return error
      }
    }
    #expect(error(series + series) { $0.series = 1 }?.kind == .tooLarge)
    #expect(error(series + series) { $0.items = 1 }?.kind == .tooLarge)
    #expect(error(series) { $0.messageBytes = 10 }?.kind == .tooLarge)
    #expect(error(field(1, field(4, []) + field(4, []))) { $0.histograms = 1 }?.kind == .tooLarge)
    #expect(error(series + series) { _ in } == nil)
  }

  @Test func `exemplars and metadata count by their memory, not by their bytes`() {
    var limits = RemoteWriteLimits()
    limits.items = 20
    // Empty ones: two bytes each.
    let exemplar: [UInt8] = [0x1A, 0]
    for count in [2, 3] {
      let many = Array(repeating: exemplar, count: count).flatMap { $0 }
      let isTaken = count == 2
      #expect(((try? RemoteWriteScanner.scan(many, as: .v1, limits)) != nil) == isTaken)
      let series = [0x0A, UInt8(many.count)] + many
      #expect(((try? RemoteWriteScanner.scan(series, as: .v1, limits)) != nil) == isTaken)
      let second = Array(repeating: [0x22, 0] as [UInt8], count: count).flatMap { $0 }
      #expect(
        ((try? RemoteWriteScanner.scan([0x2A, UInt8(second.count)] + second, as: .v2, limits)) != nil) == isTaken)
    }
  }

  @Test func `empty samples, exemplars and series do not multiply in memory`() throws {
    func length(_ bytes: [UInt8]) -> [UInt8] { [UInt8(bytes.count & 0x7F | 0x80), UInt8(bytes.count >> 7)] + bytes }
    func error(_ message: [UInt8], _ version: RemoteWriteVersion) -> WireError? {
      do throws(WireError) {
        _ = try RemoteWriteScanner.scan(message, as: version)
        return nil
      } catch {
        return error
      }
    }
    for (count, isTaken) in [(1000, true), (3000, false)] {
      for field: UInt8 in [0x12, 0x1A, 0x22] {
        let things = Array(repeating: [field, 0] as [UInt8], count: count).flatMap { $0 }
        #expect((error([0x0A] + length(things), .v1) == nil) == isTaken, "1.0, field \(field >> 3)")
        #expect((error([0x2A] + length(things), .v2) == nil) == isTaken, "2.0, field \(field >> 3)")
      }
      let series = Array(repeating: [0x0A, 0] as [UInt8], count: count).flatMap { $0 }
      #expect((error(series, .v1) == nil) == isTaken)
    }
    // A sample of value 0, which is not written, with a time.
    let sample: [UInt8] = [0x12, 7, 0x10, 0xC0, 0xD6, 0xA8, 0xE6, 0x9E, 0x34]
    let many = Array(repeating: sample, count: 1800).flatMap { $0 }
    #expect(error([0x0A] + length(many), .v1) == nil)
  }
}
