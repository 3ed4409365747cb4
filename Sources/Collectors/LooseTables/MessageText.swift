import Model
import Wire

/// Strings of a remote write message.
enum MessageText {
  /// Nil when it is not UTF-8.
  static func text(_ part: RemoteWriteColumns.Part, _ body: [UInt8]) -> String? {
    guard part.start <= part.end, part.range.upperBound <= body.count else { return nil }
    return body.span.extracting(part.range).withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
  }

  /// Nil when one is not UTF-8.
  static func labels(_ pairs: [RemoteWriteLabelReading.Pair], _ body: [UInt8]) -> [Label]? {
    var labels: [Label] = []
    labels.reserveCapacity(pairs.count)
    for pair in pairs {
      guard let name = text(pair.name, body), let value = text(pair.value, body) else { return nil }
      labels.append(Label(name, value))
    }
    return labels
  }

  /// What a description says; a text that is not there, or no text, or longer than what is remembered of a family, is left out.
  static func metadata(
    _ description: RemoteWriteColumns.Description, _ columns: RemoteWriteColumns, _ body: [UInt8]
  ) -> MetricMetadata {
    func symbol(_ reference: UInt32) -> String {
      symbolOfMetadata(reference, columns).flatMap { text($0, body) } ?? ""
    }
    return MetricMetadata(
      type: description.type, unit: symbol(description.unit), help: symbol(description.help))
  }

  /// Of the texts that `metadata` makes.
  static func metadataBytes(_ description: RemoteWriteColumns.Description, _ columns: RemoteWriteColumns) -> Int {
    (symbolOfMetadata(description.unit, columns)?.count ?? 0)
      + (symbolOfMetadata(description.help, columns)?.count ?? 0)
  }

  private static func symbolOfMetadata(
    _ reference: UInt32, _ columns: RemoteWriteColumns
  ) -> RemoteWriteColumns.Part? {
    guard let part = columns.symbols[checked: reference], part.count <= FamilyMemory.limitHelpBytes else { return nil }
    return part
  }
}
