import Codec
import Foundation
import Model
import WAL

/// Who a sample is.
struct SampleIdentity: Hashable {
  var labels: [String: String]
  var timestamp: Int64

  init(_ sample: WrittenSample) {
    labels = sample.labels
    timestamp = sample.timestamp
  }

  init(labels: [Label], timestamp: Int64) {
    self.labels = Dictionary(labels.map { ($0.name, $0.value) }) { $1 }
    self.timestamp = timestamp
  }
}

/// What a log holds, read beside whoever has it open.
enum LogContents {
  /// Calls `body` for the scrapes of each target, with a way to their series, which takes its time; throws when anything is damaged.
  static func forEachMatrix(
    in directory: String,
    _ body: @escaping (_ tables: [TableName], _ series: () throws -> [Labels], MatrixGroup) throws -> Void
  ) throws {
    let opener = try BlockOpener()
    let summary = try LogInspector(directory: directory).export { envelope, _ in
      let (tables, blocks) = try Envelope.decode(envelope)
      let named = Dictionary(tables.map { ($0.name, $0) }) { first, _ in first }
      for block in blocks {
        for case .matrix(let group) in try opener.open(block).groups {
          let own = group.head.tables.compactMap { named[$0] }
          try body(group.head.tables, { try own.flatMap { try $0.decode() }.map(\.labels) }, group)
        }
      }
    }
    guard summary.problems.isEmpty else {
      throw Loopback.Failure(description: "the log is damaged: \(summary.problems.prefix(3))")
    }
  }

  /// Each sample of the log, ends of series among them.
  static func samples(in directory: String) throws -> [SampleIdentity] {
    var found: [SampleIdentity] = []
    try forEachMatrix(in: directory) { _, series, matrix in
      let series = try series()
      matrix.forEachSample { index, _, timestamp, _ in
        found.append(SampleIdentity(labels: series[index].pairs, timestamp: timestamp))
      }
    }
    return found
  }
}
