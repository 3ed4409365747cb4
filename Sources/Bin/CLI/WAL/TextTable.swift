import Model
import Runtime

/// Columns for a terminal: the first ones left, numbers right.
struct TextTable {
  enum Side {
    case left, right
  }

  private let columns: [(title: String, side: Side)]
  private var rows: [[String]] = []

  init(_ columns: [(title: String, side: Side)]) { self.columns = columns }

  mutating func add(_ cells: [String]) { rows.append(cells) }

  var text: String {
    let widths = columns.indices.map { column in
      ([columns[column].title] + rows.map { $0[column] }).map(\.count).max() ?? 0
    }
    return ([columns.map(\.title)] + rows).map { cells in
      var line = ""
      for (column, cell) in cells.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ") + (columns[column].side == .left ? cell + padding : padding + cell)
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}

/// How amounts and times are shown.
enum Show {
  static func bytes(_ count: UInt64) -> String { ByteSize(bytes: Int(clamping: count)).description }

  static func time(_ milliseconds: Int64?) -> String {
    milliseconds.map { RFC3339.format(UnixMilliseconds($0 - ($0 % 1000))) } ?? "–"
  }

  /// Text that others have written, without what would control a terminal; lines and tabs stay.
  static func plain(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.map { scalar in
          let isControl = scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
          return isControl && scalar != "\n" && scalar != "\t" ? "\u{fffd}" : scalar
        }))
  }

  static func tenant(_ name: String) -> String { name.isEmpty ? "(default)" : name }
}
