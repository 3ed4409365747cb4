/// The values of a matrix, series by series, in the form in which the format stores them.
///
/// A series is one of
/// - absent in every row,
/// - *decimal*: every value times 10^k is an integer that divides back to the same bits, k from 0 to 12,
/// - *raw*: the doubles' bits.
/// In a decimal series single cells may be *special*: NaN patterns (the staleness marker among them), infinities and -0.0, kept as bits.
///
/// Encoding, decoding, merging and dropping rows all work on this; doubles are made of it only for a reader.
struct ValueColumns: Sendable {
  /// What the low four bits of a series' form byte say.
  enum Form {
    static let maxScale: UInt8 = 12
    static let raw: UInt8 = 13
    static let absent: UInt8 = 15
    static let scaleMask: UInt8 = 0x0f
    /// All present cells are equal (and none is special): only the first is stored.
    static let constant: UInt8 = 0x10
    /// A bitmap says which rows are present.
    static let partial: UInt8 = 0x20
    /// Some cells are special.
    static let special: UInt8 = 0x40
    static let unused: UInt8 = 0x80
  }

  let seriesCount: Int
  let rowCount: Int
  /// 0...12 decimal, 13 raw, 15 absent; no flags.
  var forms: [UInt8]
  /// Scaled integers, or bits; series-major. What stands at an absent cell has no meaning.
  var cells: [Int64]
  /// Nil when all cells of all series are present, but for series whose form is absent.
  var present: Bitmap?
  /// Nil when no cell is special.
  var special: Bitmap?

  var cellCount: Int { seriesCount * rowCount }

  /// Samples, that is cells that are present.
  var sampleCount: Int {
    if let present { return present.setCount }
    let absent = forms.reduce(0) { $0 + ($1 == Form.absent ? 1 : 0) }
    return (seriesCount - absent) * rowCount
  }

  @inline(__always)
  func isPresent(_ series: Int, _ row: Int) -> Bool {
    if let present { return present.isSet(series * rowCount + row) }
    return forms[series] != Form.absent
  }
}

/// Powers of ten that are exact as doubles and as integers.
enum Decimal {
  static let doubles: [Double] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12]
  static let integers: [Int64] = [
    1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
    100_000_000_000, 1_000_000_000_000,
  ]
  /// Scaled integers stay below this, so that they are exact as doubles and a division gives the original back.
  static let scaledLimit: Int64 = 1 << 53
  /// Unscaled integers only have to fit 64 bits.
  static let unscaledLimit: Double = 0x1p62

  /// Whether a value can never be decimal: NaN, infinity, negative zero.
  @inline(__always)
  static func isSpecial(_ bits: Int64) -> Bool {
    bits & 0x7ff0_0000_0000_0000 == 0x7ff0_0000_0000_0000 || bits == Int64.min
  }

  /// The integer that `value` is at this scale, or nil when it does not divide back to the same bits.
  @inline(__always)
  static func scaled(_ value: Double, _ scale: Int, _ powers: UnsafePointer<Double>) -> Int64? {
    if scale == 0 {
      guard value.magnitude < unscaledLimit else { return nil }
      let integer = Int64(value)
      return Double(integer) == value ? integer : nil
    }
    let product = value * powers[scale]
    guard product.magnitude < 0x1p53 else { return nil }
    // Truncation after adding a half: a wrong last digit cannot pass the check by division.
    let integer = Int64(product + (product < 0 ? -0.5 : 0.5))
    guard integer.magnitude < scaledLimit.magnitude else { return nil }
    return Double(integer) / powers[scale] == value ? integer : nil
  }

  /// The double that a decimal cell stands for.
  @inline(__always)
  static func double(_ cell: Int64, _ scale: Int, _ powers: UnsafePointer<Double>) -> Double {
    scale == 0 ? Double(cell) : Double(cell) / powers[scale]
  }
}
